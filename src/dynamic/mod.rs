//! Alerts decoded with a descriptor that is given at run time.
//!
//! So the fields of a Falco that is newer than this crate, or patched, are seen under their names.

use std::panic::{catch_unwind, AssertUnwindSafe};

use protobuf::descriptor::{FileDescriptorProto, FileDescriptorSet};
use protobuf::reflect::{FileDescriptor, MessageDescriptor};
use protobuf::well_known_types as google;
use protobuf::{Message, MessageDyn};

use crate::alert::{repair, Alert};
use crate::api;
use crate::error::{Cause, Error, Problem, Result};
use crate::json::Reflected;

/// The message, and what Falco 0.18 to 0.23 called it.
const NAMES: [&str; 2] = ["falco.outputs.response", "falco.output.response"];

/// What an alert's message looks like. Cheap to clone.
///
/// ```
/// # use falco_client::{dynamic::Descriptor, Alert};
/// # fn example(set: &[u8], alert: &Alert) -> falco_client::Result<()> {
/// let descriptor = Descriptor::from_set(set)?;
/// println!("{}", descriptor.json(alert)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Descriptor {
    message: MessageDescriptor,
}

impl Descriptor {
    /// Reads a `google.protobuf.FileDescriptorSet`, as `protoc --descriptor_set_out` writes it, and
    /// takes its message `falco.outputs.response`, or `falco.output.response` where there is only
    /// that. Of imports that are not in the set, those of protobuf itself and Falco's `schema.proto`
    /// are known.
    ///
    /// # Errors
    ///
    /// [`Error::Descriptor`] when the bytes are no such set, do not fit together, or have no such
    /// message, or when one of its fields 1 to 9 is not of the type that Falco sends. Fields may have
    /// other names, and be missing.
    pub fn from_set(bytes: &[u8]) -> Result<Descriptor> {
        let what = "the FileDescriptorSet";
        let set = FileDescriptorSet::parse_from_bytes(bytes).map_err(|error| {
            refused(
                what,
                (
                    "it does not decode",
                    "make it with protoc --descriptor_set_out",
                ),
                error,
            )
        })?;
        Descriptor::of_files(what, set.file)
    }

    /// Reads the text of a `.proto` file, and takes its message as [`from_set`](Self::from_set)
    /// does. Imports are looked for in the file's folder; those of protobuf itself, and Falco's
    /// `schema.proto`, need not be there.
    ///
    /// # Errors
    ///
    /// Those of [`from_set`](Self::from_set), and [`Error::Descriptor`] when a file cannot be read, has
    /// more than 16 MiB, or does not parse.
    #[cfg(feature = "dynamic")]
    pub fn from_proto(path: &std::path::Path) -> Result<Descriptor> {
        Descriptor::of_files(&path.display().to_string(), text::files(path)?)
    }

    fn of_files(what: &str, files: Vec<FileDescriptorProto>) -> Result<Descriptor> {
        let names: Vec<_> = files.iter().map(|file| file.name().to_owned()).collect();
        let missing: Vec<_> = at_hand()
            .into_iter()
            .filter(|file| !names.iter().any(|name| name == file.name()))
            .collect();
        let problem = (
            "its files do not fit together",
            "see that every import is there",
        );
        let files = guarded(|| FileDescriptor::new_dynamic_fds(files, &missing))
            .map_err(|panic| refused(what, problem, panic))?
            .map_err(|error| refused(what, problem, error))?;
        for name in NAMES {
            let mut messages = files.iter().flat_map(FileDescriptor::messages);
            if let Some(message) = messages.find(|message| message.full_name() == name) {
                // Else every alert would be taken from Falco and none decoded.
                return guarded(|| known::check(&message))
                    .unwrap_or_else(Err)
                    .map_err(|problem| unlike(what, problem))
                    .map(|()| Descriptor { message });
            }
        }
        Err(unlike(what, format!("it has no message {}", NAMES[0])))
    }

    /// The alert's message, for reflection. Texts that are not UTF-8 are repaired as in [`Alert`].
    ///
    /// # Errors
    ///
    /// [`Error::Descriptor`] when the alert's bytes contradict the descriptor.
    pub fn decode(&self, alert: &Alert) -> Result<Box<dyn MessageDyn>> {
        self.guarded(|| {
            let bytes =
                repair(alert.as_bytes(), &self.message).map_err(|error| error.to_string())?;
            Ok(self.message.parse_from_bytes(&bytes)?)
        })
    }

    /// The alert in the canonical proto3 JSON mapping under the descriptor's names, on one line,
    /// with the same additions as [`Alert::proto_json`]. Names in maps are sorted.
    ///
    /// Of the well-known types, `Any` and `FieldMask` are written like any other message.
    ///
    /// # Errors
    ///
    /// [`Error::Descriptor`] when the alert's bytes contradict the descriptor.
    pub fn json(&self, alert: &Alert) -> Result<String> {
        let message = self.decode(alert)?;
        self.guarded(|| Ok(serde_json::to_string(&Reflected(&*message))?))
    }

    fn guarded<T>(&self, work: impl FnOnce() -> Result<T, Cause>) -> Result<T> {
        guarded(work)
            .unwrap_or_else(|panic| Err(panic.into()))
            .map_err(|source| {
                let what = format!("message {}", self.message.full_name());
                let problem = format!("an alert does not decode ({source})");
                let remedy = "see that the descriptor is that of the Falco that sent it";
                Error::descriptor(what, (problem, remedy), Some(source))
            })
    }
}

/// What files import that need not be given.
fn at_hand() -> Vec<FileDescriptor> {
    [
        google::any::file_descriptor(),
        google::duration::file_descriptor(),
        google::empty::file_descriptor(),
        google::field_mask::file_descriptor(),
        google::struct_::file_descriptor(),
        google::timestamp::file_descriptor(),
        google::wrappers::file_descriptor(),
        api::schema::file_descriptor(),
    ]
    .map(Clone::clone)
    .into()
}

/// Turns panics into errors: the libraries have them for descriptors that contradict themselves.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        format!(
            "the descriptor contradicts itself: {}",
            text.unwrap_or("a panic")
        )
    })
}

fn refused(what: &str, problem: (&'static str, &'static str), source: impl Into<Cause>) -> Error {
    let source = source.into();
    let problem = Problem::from(problem).because(&source);
    Error::descriptor(what, problem, Some(source))
}

fn unlike(what: &str, problem: String) -> Error {
    let remedy = "give that of the outputs.proto of your Falco";
    Error::descriptor(what, (problem, remedy), None)
}

mod known;
#[cfg(feature = "dynamic")]
mod text;
