//! YAML as far as Falco's settings need it, from a file that may be hostile.
//!
//! It is built from the parser's events within bounds, so that aliases cannot expand without end.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use saphyr_parser::{Event, Parser};

/// The largest file; Falco's own has 80 KB.
const LARGEST: u64 = 1 << 20;

/// The deepest nesting; settings are nested 3 deep.
const DEEPEST: usize = 32;

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Node {
    Scalar(String),
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
    /// An alias of something large, which is not resolved.
    Alias,
}

impl Node {
    /// The value of a key; the first, if there are several.
    pub fn get(&self, wanted: &str) -> Option<&Node> {
        match self {
            Node::Mapping(pairs) => {
                let named = |name: &str| {
                    let mut pairs = pairs.iter();
                    let found = pairs.find(|(key, _)| key.text() == Some(name));
                    found.map(|(_, value)| value)
                };
                // A merge key, or several in a list, of which the first has precedence.
                named(wanted).or_else(|| match named("<<")? {
                    Node::Sequence(merged) => merged.iter().find_map(|node| node.get(wanted)),
                    merged => merged.get(wanted),
                })
            }
            _ => None,
        }
    }

    /// The number of nodes in it, itself included.
    fn size(&self) -> usize {
        match self {
            Node::Scalar(_) | Node::Alias => 1,
            Node::Sequence(nodes) => 1 + nodes.iter().map(Node::size).sum::<usize>(),
            Node::Mapping(pairs) => {
                let size = |(key, value): &(Node, Node)| key.size() + value.size();
                1 + pairs.iter().map(size).sum::<usize>()
            }
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Node::Scalar(text) => Some(text),
            _ => None,
        }
    }
}

/// The first document of a file; an empty mapping where there is none.
pub(super) fn read(path: &Path) -> Result<Node, String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text));
    read.map_err(|error| format!("cannot be read: {error}"))?;
    if text.len() as u64 > LARGEST {
        return Err("has more than 1 MiB, which no falco.yaml has".to_owned());
    }
    parse(&text)
}

pub(super) fn parse(text: &str) -> Result<Node, String> {
    let mut open: Vec<(Vec<Node>, usize)> = vec![(Vec::new(), 0)];
    let mut anchors = Anchors::default();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| format!("is no YAML: {error}"))?;
        let node = match event {
            Event::Scalar(text, _, anchor, _) => {
                let node = Node::Scalar(text.into_owned());
                anchors.define(anchor, &node);
                node
            }
            Event::Alias(anchor) => anchors.resolve(anchor),
            Event::SequenceStart(anchor, ..) | Event::MappingStart(anchor, ..) => {
                if open.len() > DEEPEST {
                    return Err(format!("is nested more than {DEEPEST} deep"));
                }
                open.push((Vec::new(), anchor));
                continue;
            }
            Event::SequenceEnd => {
                let (nodes, anchor) = open.pop().unwrap_or_default();
                let node = Node::Sequence(nodes);
                anchors.define(anchor, &node);
                node
            }
            Event::MappingEnd => {
                let (nodes, anchor) = open.pop().unwrap_or_default();
                let node = Node::Mapping(pairs(nodes));
                anchors.define(anchor, &node);
                node
            }
            Event::DocumentEnd => break,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {
                continue
            }
        };
        if let Some((parent, _)) = open.last_mut() {
            parent.push(node);
        }
    }
    let (root, _) = open.into_iter().next().unwrap_or_default();
    Ok(root.into_iter().next().unwrap_or(Node::Mapping(Vec::new())))
}

/// What aliases stand for, as far as it is small: settings are.
#[derive(Default)]
struct Anchors {
    nodes: HashMap<usize, Node>,
    /// How many nodes were defined and resolved in all.
    total: usize,
}

/// The largest node that an alias stands for, and the most nodes that all of them do.
const LARGEST_ALIAS: usize = 1000;
const MOST_ALIASED: usize = 100_000;

impl Anchors {
    /// Anchors are numbered from 1; 0 is none.
    fn define(&mut self, anchor: usize, node: &Node) {
        if anchor == 0 {
            return;
        }
        let size = node.size();
        self.nodes.remove(&anchor);
        if size <= LARGEST_ALIAS && self.total + size <= MOST_ALIASED {
            self.total += size;
            self.nodes.insert(anchor, node.clone());
        }
    }

    fn resolve(&mut self, anchor: usize) -> Node {
        match self.nodes.get(&anchor) {
            Some(node) if self.total + node.size() <= MOST_ALIASED => {
                self.total += node.size();
                node.clone()
            }
            _ => Node::Alias,
        }
    }
}

fn pairs(nodes: Vec<Node>) -> Vec<(Node, Node)> {
    let mut nodes = nodes.into_iter();
    std::iter::from_fn(|| Some((nodes.next()?, nodes.next()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_found() {
        let node = parse("a: &x 1 # one\n'b': {c: [d, \"e\"], f: *x}\n---\na: 2\n").unwrap();
        assert_eq!(node.get("a").unwrap().text(), Some("1"));
        let b = node.get("b").unwrap();
        let list = ["d", "e"].map(|text| Node::Scalar(text.into()));
        assert_eq!(b.get("c"), Some(&Node::Sequence(list.into())));
        assert_eq!(b.get("f").unwrap().text(), Some("1"));
        let merged = parse("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\ne: {<<: [*x]}").unwrap();
        let d = merged.get("d").unwrap();
        assert_eq!(
            ["b", "c"].map(|key| d.get(key).unwrap().text()),
            [Some("1"), Some("3")]
        );
        assert_eq!(merged.get("e").unwrap().get("c").unwrap().text(), Some("2"));
        assert_eq!(parse("# nothing\n"), Ok(Node::Mapping(Vec::new())));
    }

    #[test]
    fn hostile_text_is_refused_or_read() {
        let deep = "[".repeat(100_000);
        let blocks: String = (0..1000)
            .map(|depth| format!("{}a:\n", " ".repeat(depth)))
            .collect();
        for text in [
            &*deep,
            &*"{".repeat(100_000),
            &*"- ".repeat(100_000),
            &*blocks,
        ] {
            let error = parse(text).unwrap_err();
            let told = error.contains("deep") || error.contains("recursion limit");
            assert!(told, "{error}");
        }
        for text in ["a: [", "a: 'b", "\t: {", "%YAML 9", "a: b: c", "*nowhere"] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with("is no YAML: "), "{text:?}: {error}");
        }
        // Doubled thirty times if it were expanded.
        let mut bomb = "a0: &a0 [x, x]\n".to_owned();
        for n in 1..30 {
            bomb += &format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1);
        }
        let node = parse(&bomb).unwrap();
        assert!(node.size() < MOST_ALIASED);
    }

    #[test]
    fn large_files_take_little_time() {
        let size = LARGEST as usize;
        for piece in [
            "? ", "a", "a: b\n", "- x\n", "&a ", "#\n", "\n", "\"", "!x ", "[],", "|\n",
        ] {
            let text = piece.repeat(size / piece.len());
            // Either way, it ends.
            let _ = parse(&text);
        }
    }
}
