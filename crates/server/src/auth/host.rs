//! What protects a server without authentication from the pages in its user's browser: a
//! page whose name was rebound to 127.0.0.1 still sends its own name in `Host`, and a
//! foreign page its own `Origin`.

use std::net::IpAddr;

/// Why a request is refused before it is routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    /// `Host` is neither loopback nor a service's host.
    HostNotAllowed,
    /// `Origin` isn't that of the request itself.
    OriginNotAllowed,
}

/// Checks `Host` (or `:authority`; empty if there is none) and `Origin` of a request to a
/// server that runs with `--no-auth`.
///
/// Good hosts are `localhost`, names under `.localhost`, 127.0.0.0/8, `[::1]`, each with any
/// port, and `served_hosts`, with their port or, if they name none, any.
///
/// # Errors
/// [`HostError`].
pub fn check_host<'a>(
    host: &str,
    origin: Option<&str>,
    served_hosts: impl IntoIterator<Item = &'a str>,
) -> Result<(), HostError> {
    let (name, _) = split_port(host).ok_or(HostError::HostNotAllowed)?;
    let served = |known: &str| known.eq_ignore_ascii_case(host) || known.eq_ignore_ascii_case(name);
    if !is_loopback(name) && !served_hosts.into_iter().any(served) {
        return Err(HostError::HostNotAllowed);
    }
    match origin {
        Some(origin) if !is_own(origin, host) => Err(HostError::OriginNotAllowed),
        _ => Ok(()),
    }
}

/// Name (an IPv6 address in its brackets) and port.
fn split_port(host: &str) -> Option<(&str, Option<u16>)> {
    let name_end = host.find(']').map_or(0, |bracket| bracket + 1);
    match host.get(name_end..)?.find(':') {
        None => (!host.is_empty()).then_some((host, None)),
        Some(colon) => {
            let (name, port) = host.split_at(name_end + colon);
            let port = &port[1..];
            let digits = port.bytes().all(|c| c.is_ascii_digit());
            (!name.is_empty() && digits).then_some(())?;
            Some((name, Some(port.parse().ok()?)))
        }
    }
}

fn is_loopback(name: &str) -> bool {
    if let Some(v6) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return v6.parse::<std::net::Ipv6Addr>().is_ok_and(|v6| v6.to_canonical().is_loopback());
    }
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    // RFC 6761 §6.3: names under .localhost mean loopback too and can't be registered.
    let under_localhost = name.strip_suffix(".localhost").is_some_and(|label| {
        label.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_'))
    });
    name == "localhost"
        || under_localhost
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Either scheme will do: whoever can serve a page from this very host and port is already
/// past anything that this check could keep out.
fn is_own(origin: &str, host: &str) -> bool {
    let (authority, default) = if let Some(authority) = origin.strip_prefix("http://") {
        (authority, 80)
    } else if let Some(authority) = origin.strip_prefix("https://") {
        (authority, 443)
    } else {
        return false;
    };
    let parts = |text| split_port(text).map(|(name, port)| (name, port.unwrap_or(default)));
    match (parts(authority), parts(host)) {
        (Some((name, port)), Some((own, own_port))) => {
            port == own_port && name.eq_ignore_ascii_case(own)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::HostError::*;
    use super::*;

    #[test]
    fn hosts() {
        let served = ["api.example.com", "ported.example.com:8443"];
        let good = [
            "localhost",
            "LOCALHOST:8080",
            "localhost.:1",
            "demo.localhost:9",
            "127.0.0.1",
            "127.255.0.9:65535",
            "[::1]",
            "[::1]:8080",
            "[::ffff:127.0.0.1]:1",
            "api.example.com",
            "API.example.com:8080",
            "ported.example.com:8443",
        ];
        for host in good {
            assert_eq!(check_host(host, None, served), Ok(()), "{host}");
        }
        let bad = [
            "",
            ":80",
            "evil.com",
            "localhost.evil.com",
            "127.0.0.1.evil.com",
            "evillocalhost",
            "0.0.0.0",
            "10.0.0.1:80",
            "[::]",
            "[::2]:8080",
            "::1",
            "localhost:",
            "localhost:x",
            "localhost:+1",
            "localhost:99999",
            "x@y.localhost",
            "ported.example.com",
            "ported.example.com:1",
            "2130706433",
            "127.1",
            "[::1",
            "[::1]x",
            "null",
        ];
        for host in bad {
            assert_eq!(check_host(host, None, served), Err(HostNotAllowed), "{host}");
        }
    }

    #[test]
    fn origins() {
        let table = [
            ("localhost:8080", "http://localhost:8080", Ok(())),
            ("localhost:8080", "http://LOCALHOST:8080", Ok(())),
            ("localhost:8080", "https://localhost:8080", Ok(())),
            ("localhost", "http://localhost", Ok(())),
            ("localhost:80", "http://localhost", Ok(())),
            ("localhost:443", "https://localhost", Ok(())),
            ("[::1]:8080", "http://[::1]:8080", Ok(())),
            ("localhost:8080", "http://localhost", Err(OriginNotAllowed)),
            ("localhost:8080", "http://localhost:8081", Err(OriginNotAllowed)),
            ("localhost:8080", "http://127.0.0.1:8080", Err(OriginNotAllowed)),
            ("localhost:8080", "http://evil.com", Err(OriginNotAllowed)),
            ("localhost:8080", "http://localhost:8080/", Err(OriginNotAllowed)),
            ("localhost:8080", "null", Err(OriginNotAllowed)),
            ("localhost:8080", "", Err(OriginNotAllowed)),
            ("localhost:8080", "file://", Err(OriginNotAllowed)),
            ("evil.com", "http://evil.com", Err(HostNotAllowed)),
        ];
        for (host, origin, expected) in table {
            assert_eq!(check_host(host, Some(origin), []), expected, "{host} {origin}");
        }
    }
}
