//! Asks a running process how it is, as the health check of its container does: there is no other program in there.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::settings::report::SettingsError;
use crate::settings::sections::AdminSettings;
use crate::settings::source::Source;
use crate::settings::{Process, Reader};

/// The longest wait for each step; a process that lives answers within milliseconds.
const WITHIN: Duration = Duration::from_secs(2);

/// What an answer begins with when all is well (RFC 9112, section 4).
const READY: &[u8] = b"HTTP/1.1 200";

/// Tells whether the process of this kind that listens on `HTTP_LISTEN` is ready. Reads no secret. Blocks for some
/// seconds at most.
///
/// # Errors
/// `HTTP_LISTEN` is no address.
pub fn is_ready(process: Process) -> Result<bool, SettingsError> {
    let mut reader = Reader::new(Source::without_secrets(process));
    let admin = AdminSettings::read(&mut reader);
    reader.finish()?;
    Ok(ask(reachable(admin.listen)).unwrap_or(false))
}

pub(super) fn ask(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, WITHIN)?;
    stream.set_read_timeout(Some(WITHIN))?;
    stream.set_write_timeout(Some(WITHIN))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = [0; READY.len()];
    stream.read_exact(&mut answer)?;
    Ok(answer == READY)
}

/// Where a listener is reached from the same machine that listens on all its addresses.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_asked_here() {
        let of = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(of("0.0.0.0:3000"), "127.0.0.1:3000");
        assert_eq!(of("[::]:3000"), "[::1]:3000");
        assert_eq!(of("10.0.0.1:3000"), "10.0.0.1:3000");
    }

    #[test]
    fn nobody_is_not_ready() {
        let address = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr();
        assert!(ask(address.unwrap()).is_err());
    }
}
