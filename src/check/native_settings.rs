//! The settings of the outputs that carry Falco's own JSON.

use std::path::Path;

use super::settings::{Settings, SET_TO_TRUE};
use super::yaml::Node;
use crate::endpoint::Endpoint;
use crate::error::Problem;

impl Settings {
    /// What keeps alerts from coming to an endpoint that Falco sends to or writes.
    pub(super) fn native_faults(&self, main: &Path, endpoint: &Endpoint) -> Vec<Problem> {
        let mut faults = Vec::new();
        let json = self.value("json_output");
        if json.and_then(|(value, _)| value.text()) != Some("true") {
            let file = json.map_or(main, |(_, file)| file).display();
            let problem = format!("{file}: json_output is not true, so that Falco writes text");
            faults.push((problem, SET_TO_TRUE).into());
        }
        let key = output(endpoint);
        if let Some((file, how)) = self.off(main, key, key == "stdout_output") {
            let piped = key == "stdout_output" && self.off(main, "program_output", false).is_none();
            if !piped {
                let file = file.display();
                let problem = format!("{file}: {key}.enabled {how}, so that no alert comes");
                faults.push((problem, SET_TO_TRUE).into());
            }
        }
        faults.extend(self.leads_elsewhere(main, endpoint));
        faults
    }

    fn leads_elsewhere(&self, main: &Path, endpoint: &Endpoint) -> Option<Problem> {
        let (key, name) = match endpoint {
            Endpoint::Listen { .. } => ("http_output", "url"),
            Endpoint::File(_) => ("file_output", "filename"),
            Endpoint::Unix(_) | Endpoint::Tcp { .. } | Endpoint::Stdin => return None,
        };
        let (section, file) = self.value(key)?;
        let file = if file.as_os_str().is_empty() {
            main
        } else {
            file
        };
        let set = section.get(name).and_then(Node::text).unwrap_or_default();
        let same = match endpoint {
            // Of Falco's environment; and of a host only its own machine knows what it is.
            _ if set.contains("${") => true,
            Endpoint::Listen { tls, port, .. } => {
                let scheme = if *tls { "https" } else { "http" };
                let usual = if *tls { 443 } else { 80 };
                set.split_once("://").is_some_and(|(found, rest)| {
                    let address = rest.split(['/', '?']).next().unwrap_or_default();
                    let found_port = match address.rsplit_once(':') {
                        Some((_, port)) => port.parse().ok(),
                        None => Some(usual),
                    };
                    found.eq_ignore_ascii_case(scheme) && (*port == 0 || found_port == Some(*port))
                })
            }
            Endpoint::File(path) => Path::new(set) == path,
            Endpoint::Unix(_) | Endpoint::Tcp { .. } | Endpoint::Stdin => true,
        };
        (!same).then(|| {
            let problem = format!(
                "{}: {key}.{name} is {set:?}, and alerts are expected at {endpoint}",
                file.display()
            );
            (problem, "make them lead to the same").into()
        })
    }
}

/// The output that brings alerts there.
pub(super) fn output(endpoint: &Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Listen { .. } => "http_output",
        Endpoint::File(_) => "file_output",
        // The first two have settings of their own.
        Endpoint::Unix(_) | Endpoint::Tcp { .. } | Endpoint::Stdin => "stdout_output",
    }
}
