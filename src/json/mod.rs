//! The three JSON forms of an alert.
//!
//! | form | by | for |
//! | --- | --- | --- |
//! | [`FalcoJson`] | [`Alert::falco_json`] | falcosidekick and all other readers of Falco's own JSON |
//! | [`GoJson`] | [`Alert::go_json`] | readers of what the first Go client's example printed |
//! | [`ProtoJson`] | [`Alert::proto_json`] | readers of protobuf's canonical mapping |
//!
//! Each implements `Display` and `Serialize`, and has `write_to` for bytes. Each writes one object on
//! one line, directly from the alert's bytes, in many small writes: give `write_to` a buffer, such as
//! a `Vec` or a `BufWriter`.
//!
//! [`Alert::from_json`] and `Deserialize` read the Falco form.

mod falco;
mod go;
mod own_line;
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
    /// The alert in the JSON of the first Go client's example, to display, serialize or write.
    pub fn go_json(&self) -> GoJson<'_> {
        GoJson(self)
    }

    /// The alert in Falco's own JSON, to display, serialize or write.
    ///
    /// [`raw_json`](Alert::raw_json) has the bytes of an alert that was received as JSON.
    pub fn falco_json(&self) -> FalcoJson<'_> {
        FalcoJson(self)
    }

    /// The alert in the canonical proto3 JSON mapping, to display, serialize or write.
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
