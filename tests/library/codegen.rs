//! The code in `src/api` is what `proto/` generates. `script/generate` updates it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use grpcio_compiler::codegen;
use protobuf::descriptor::FileDescriptorProto;
use protobuf::Message as _;

const FILES: [&str; 3] = ["schema.proto", "outputs.proto", "version.proto"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn messages(into: &Path) {
    protobuf_codegen::Codegen::new()
        .pure()
        .include(root().join("proto"))
        .inputs(FILES.map(|file| root().join("proto").join(file)))
        .out_dir(into)
        .run_from_script();
    fs::remove_file(into.join("mod.rs")).unwrap();
}

fn services(into: &Path) {
    let parsed = protobuf_parse::Parser::new()
        .pure()
        .include(root().join("proto"))
        .inputs(FILES.map(|file| root().join("proto").join(file)))
        .parse_and_typecheck()
        .unwrap();
    let descriptors: Vec<_> = parsed
        .file_descriptors
        .into_iter()
        .map(for_grpcio_compiler)
        .collect();
    for file in codegen::gen(&descriptors, &FILES.map(str::to_owned)) {
        // The crate forbids what the first allows, and rustc knows the second no more.
        let text = String::from_utf8(file.content).unwrap();
        let kept = text
            .lines()
            .filter(|line| !["#![allow(unsafe_code)]", "#![allow(box_pointers)]"].contains(line));
        fs::write(
            into.join(file.name),
            kept.map(|line| format!("{line}\n")).collect::<String>(),
        )
        .unwrap();
    }
}

/// grpcio-compiler speaks rust-protobuf 2, which names a message's type as the message;
/// rust-protobuf 3 capitalises it.
fn for_grpcio_compiler(
    mut file: FileDescriptorProto,
) -> protobuf2::descriptor::FileDescriptorProto {
    for message in &mut file.message_type {
        message.set_name(capitalised(message.name()));
    }
    for method in file
        .service
        .iter_mut()
        .flat_map(|service| &mut service.method)
    {
        method.set_input_type(capitalised(method.input_type()));
        method.set_output_type(capitalised(method.output_type()));
    }
    protobuf2::Message::parse_from_bytes(&file.write_to_bytes().unwrap()).unwrap()
}

/// `.falco.outputs.request` to `.falco.outputs.Request`.
fn capitalised(name: &str) -> String {
    let last = name.rfind('.').map_or(0, |dot| dot + 1);
    let (before, name) = name.split_at(last);
    format!("{before}{}{}", name[..1].to_uppercase(), &name[1..])
}

fn read(folder: &Path) -> BTreeMap<String, String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read_to_string(entry.path()).unwrap(),
            )
        })
        .filter(|(name, _)| !["mod.rs", "channel_arg.rs", "paths.rs"].contains(&name.as_str()))
        .collect()
}

#[test]
fn checked_in_code_is_what_proto_generates() {
    let fresh = tempfile::tempdir().unwrap();
    messages(fresh.path());
    services(fresh.path());
    let api = root().join("src/api");
    if std::env::var_os("FALCO_CLIENT_GENERATE").is_some() {
        for (name, text) in read(fresh.path()) {
            fs::write(api.join(name), text).unwrap();
        }
    }
    let (fresh, checked_in) = (read(fresh.path()), read(&api));
    assert_eq!(
        fresh.keys().collect::<Vec<_>>(),
        checked_in.keys().collect::<Vec<_>>(),
        "the files of src/api are not those that proto/ generates; run script/generate"
    );
    for (name, text) in fresh {
        assert!(
            text == checked_in[&name],
            "src/api/{name} is not what proto/ generates; run script/generate"
        );
    }
}
