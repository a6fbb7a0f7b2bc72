//! The certificates that three options name.

use std::path::PathBuf;

use falco_client::Tls;

type File = Option<PathBuf>;

/// The certificates that were given, if any.
pub fn certificates(ca: &File, cert: &File, key: &File) -> Option<Tls> {
    match (ca, cert, key) {
        (Some(ca), Some(cert), Some(key)) => Some(Tls::from_files(ca, cert, key)),
        (None, Some(cert), Some(key)) => Some(Tls::server_from_files(cert, key)),
        (Some(ca), None, None) => Some(Tls::ca_from_file(ca)),
        // The parser refuses one of the two without the other.
        (_, None, _) | (_, _, None) => None,
    }
}
