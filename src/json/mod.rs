//! The three JSON forms of an alert.
//!
//! | form | by | for |
//! | --- | --- | --- |
//! | [`GoJson`] | [`Alert::go_json`] | who reads what the first Go client's example printed |
//! | [`FalcoJson`] | [`Alert::falco_json`] | falcosidekick and all else that reads Falco's own JSON |
//! | [`ProtoJson`] | [`Alert::proto_json`] | protobuf's canonical mapping |
//!
//! Each is `Serialize` and `Display`, and has `write_to` for bytes. All of them write one object on
//! one line, straight from the alert's bytes. They make many small writes: give `write_to` a buffer,
//! such as a `Vec` or a `BufWriter`.
//!
//! [`Alert::from_json`] and `Deserialize` read the Falco form.

mod falco;
mod go;
mod native;
mod proto;
mod read;
mod reflect;
mod time;
mod unknown;

use std::{fmt, io};

use serde::ser::{Serialize, Serializer};

use crate::alert::Alert;

pub use falco::FalcoJson;
pub use go::GoJson;
pub use proto::ProtoJson;
pub(crate) use read::line_message;
pub(crate) use reflect::Reflected;

impl Alert {
    /// The shape of the first Go client's example.
    pub fn go_json(&self) -> GoJson<'_> {
        GoJson(self)
    }

    /// Falco's own JSON.
    pub fn falco_json(&self) -> FalcoJson<'_> {
        FalcoJson(self)
    }

    /// The canonical proto3 JSON mapping of the message.
    pub fn proto_json(&self) -> ProtoJson<'_> {
        ProtoJson(self)
    }
}

/// `output_fields`
struct Fields<'a>(&'a Alert);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.fields())
    }
}

/// `tags`
struct Tags<'a>(&'a Alert);

impl Serialize for Tags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.tags())
    }
}

fn write(value: &impl Serialize, out: &mut impl io::Write) -> io::Result<()> {
    serde_json::to_writer(out, value).map_err(io::Error::from)
}

fn display(value: &impl Serialize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(&serde_json::to_string(value).map_err(|_| fmt::Error)?)
}
