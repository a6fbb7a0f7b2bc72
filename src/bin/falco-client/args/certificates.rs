//! Three options, one value.

use std::path::PathBuf;

use falco_client::Tls;

type File = Option<PathBuf>;

/// The certificates that were given, if any.
pub fn certificates(ca: &File, cert: &File, key: &File) -> Option<Tls> {
    let (cert, key) = (cert.as_ref()?, key.as_ref()?);
    Some(match ca {
        Some(ca) => Tls::from_files(ca, cert, key),
        None => Tls::server_from_files(cert, key),
    })
}
