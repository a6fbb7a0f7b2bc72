//! Descriptors from `.proto` text.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use protobuf::descriptor::{FileDescriptorProto, FileDescriptorSet};
use protobuf::Message;
use protobuf_parse::pure::parse_dependencies;
use protobuf_parse::Parser;

use super::{guarded, refused};
use crate::error::{Cause, Result};

/// What every outputs.proto of Falco imports, and a user who has only that file lacks.
const SCHEMA: (&str, &str) = ("schema.proto", include_str!("../../proto/schema.proto"));

/// The parser recurses, so that deeper text would end the program.
const MOST_NESTED: usize = 100;

/// The file's descriptor and those of its imports.
pub(super) fn files(path: &Path) -> Result<Vec<FileDescriptorProto>> {
    let what = path.display().to_string();
    let content = read(path).map_err(|error| {
        refused(
            &what,
            ("it cannot be read", "see its name and rights"),
            error,
        )
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let parsed = std::str::from_utf8(&content)
        .map_err(|error| format!("it is not UTF-8: {error}").into())
        .and_then(|text| {
            guarded(|| parse(path, folder, text)).unwrap_or_else(|panic| Err(panic.into()))
        });
    parsed.map_err(|error| {
        let set = FileDescriptorSet::parse_from_bytes(&content);
        let problem = if set.is_ok_and(|set| !set.file.is_empty()) {
            (
                "it is a FileDescriptorSet and no text",
                "rename it so that its name does not end in .proto, or read it with \
                 Descriptor::from_set",
            )
        } else {
            (
                "it does not parse",
                "give a .proto file as protoc takes it, its imports beside it",
            )
        };
        refused(&what, problem, error)
    })
}

/// Beyond any real file, but not beyond what a device gives.
const LARGEST: u64 = 16 << 20;

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut content)?;
    if content.len() as u64 > LARGEST {
        return Err(io::Error::other("it has more than 16 MiB"));
    }
    Ok(content)
}

fn parse(path: &Path, folder: &Path, content: &str) -> Result<Vec<FileDescriptorProto>, Cause> {
    let mut imports = Imports {
        folder,
        open: Vec::new(),
        done: HashSet::new(),
        lacks_schema: false,
    };
    imports.follow(
        &path.file_name().unwrap_or_default().to_string_lossy(),
        content,
    )?;

    let mut parser = Parser::new();
    parser.pure().include(folder).input(path);
    // The parser reads files only.
    let own = tempfile::tempdir()?;
    if imports.lacks_schema {
        fs::write(own.path().join(SCHEMA.0), SCHEMA.1)?;
        parser.include(own.path());
    }
    // The alternate form has the causes, and so the line.
    let parsed = parser
        .parse_and_typecheck()
        .map_err(|error| format!("{error:#}"))?;
    Ok(parsed.file_descriptors)
}

/// Looks for what the parser would not survive: a file that imports itself, and deep nesting.
struct Imports<'a> {
    folder: &'a Path,
    open: Vec<String>,
    done: HashSet<String>,
    lacks_schema: bool,
}

impl Imports<'_> {
    fn follow(&mut self, name: &str, content: &str) -> Result<(), Cause> {
        if nesting(content) > MOST_NESTED || self.open.len() > MOST_NESTED {
            return Err(format!("{name} is nested too deeply").into());
        }
        let file = parse_dependencies(content).map_err(|error| format!("{name}: {error}"))?;
        self.open.push(name.to_owned());
        for import in &file.dependency {
            if self.open.contains(import) {
                return Err(format!("{import} imports itself").into());
            }
            if !self.done.insert(import.clone()) {
                continue;
            }
            match read(&self.folder.join(import)) {
                Ok(content) => {
                    let text = std::str::from_utf8(&content);
                    let text = text.map_err(|error| format!("{import} is not UTF-8: {error}"))?;
                    self.follow(import, text)?;
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.lacks_schema |= import == SCHEMA.0;
                }
                Err(error) => return Err(format!("{import}: {error}").into()),
            }
        }
        self.open.pop();
        Ok(())
    }
}

fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
