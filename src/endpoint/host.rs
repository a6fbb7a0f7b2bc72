//! A host and its port, as text.

use std::net::Ipv6Addr;

use crate::error::Problem;

/// A host and its port in one text.
pub(crate) fn authority(host: &str, port: u16) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

/// What a remedy names.
pub(super) struct Usual {
    /// What stands before the address, as `listen+http://`.
    pub scheme: &'static str,
    pub host: &'static str,
    pub port: &'static str,
}

pub(super) fn host_and_port(
    text: &str,
    lowest_port: u16,
    usual: &Usual,
) -> Result<(String, u16), Problem> {
    let Usual {
        scheme,
        host: usual_host,
        port: usual,
    } = usual;
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, rest)) if is_ipv6(host) => (host, rest.strip_prefix(':')),
            _ => {
                let problem = "has no IPv6 address in its brackets";
                return Err((problem, format!("write {scheme}[::1]:{usual}")).into());
            }
        },
        None => match text.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                let remedy = format!(
                    "put an IPv6 address in brackets and the port behind them: write \
                     {scheme}[::1]:{usual}"
                );
                return Err(("has more than one colon", remedy).into());
            }
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        let remedy = format!("write {scheme}{usual_host}{text}");
        return Err(("has no host", remedy).into());
    }
    if !is_ipv6(host) && !is_name(host) {
        let problem = "has a host that is neither a DNS name nor an IP address";
        return Err((problem, format!("write {scheme}{usual_host}:{usual}")).into());
    }
    let Some(port) = port.filter(|port| !port.is_empty()) else {
        let remedy = format!("write {scheme}{}:{usual}", text.trim_end_matches(':'));
        return Err(("has no port", remedy).into());
    };
    // `parse` would also take a sign.
    match port
        .parse()
        .ok()
        .filter(|_| port.bytes().all(|byte| byte.is_ascii_digit()))
    {
        Some(number) if number >= lowest_port => Ok((host.to_owned(), number)),
        _ => {
            let default = match *usual {
                "5060" => " (Falco's default is 5060)",
                _ => "",
            };
            let remedy = format!("write a number from {lowest_port} to 65535{default}");
            Err((format!("has the port {port}"), remedy).into())
        }
    }
}

/// Whether `host` can be a DNS name or an IPv4 address.
pub(crate) fn is_name(host: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=LONGEST_HOST).contains(&host.len()) && host.bytes().all(legal)
}

/// Whether `host` is an IPv6 address, with or without a zone as in `fe80::1%eth0`.
pub(crate) fn is_ipv6(host: &str) -> bool {
    let (address, zone) = host.split_once('%').unwrap_or((host, "0"));
    address.parse::<Ipv6Addr>().is_ok() && is_name(zone)
}

/// The length of the longest DNS name as text.
const LONGEST_HOST: usize = 253;
