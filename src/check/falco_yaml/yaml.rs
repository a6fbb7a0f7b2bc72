//! YAML as far as Falco's settings need it, from a file that may be hostile.
//!
//! It is built from the parser's events, so that aliases are never expanded, and within bounds.

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
    /// An alias, which is not resolved.
    Alias,
}

impl Node {
    /// The value of a key; the first, if there are several.
    pub fn get(&self, wanted: &str) -> Option<&Node> {
        match self {
            Node::Mapping(pairs) => {
                let mut pairs = pairs.iter();
                let found = pairs.find(|(key, _)| key.text() == Some(wanted));
                found.map(|(_, value)| value)
            }
            _ => None,
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
    let mut open: Vec<Vec<Node>> = vec![Vec::new()];
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| format!("is no YAML: {error}"))?;
        let node = match event {
            Event::Scalar(text, ..) => Node::Scalar(text.into_owned()),
            Event::Alias(_) => Node::Alias,
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if open.len() > DEEPEST {
                    return Err(format!("is nested more than {DEEPEST} deep"));
                }
                open.push(Vec::new());
                continue;
            }
            Event::SequenceEnd => Node::Sequence(open.pop().unwrap_or_default()),
            Event::MappingEnd => Node::Mapping(pairs(open.pop().unwrap_or_default())),
            Event::DocumentEnd => break,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {
                continue
            }
        };
        if let Some(parent) = open.last_mut() {
            parent.push(node);
        }
    }
    let root = open.into_iter().next().unwrap_or_default();
    Ok(root.into_iter().next().unwrap_or(Node::Mapping(Vec::new())))
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
        assert_eq!(b.get("f"), Some(&Node::Alias));
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
        let two = Node::Sequence(vec![Node::Alias, Node::Alias]);
        assert_eq!(node.get("a29"), Some(&two));
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
