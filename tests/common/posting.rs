//! Posting alerts as Falco does: one at a time over one connection.
#![allow(dead_code)] // Each uses its own part.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use super::LIMIT;

pub struct Poster {
    stream: BufReader<TcpStream>,
}

impl Poster {
    pub fn connect(address: &str) -> io::Result<Poster> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        Ok(Poster {
            stream: BufReader::new(stream),
        })
    }

    /// Sends an alert, and waits for the status of the answer.
    pub fn post(&mut self, line: &str) -> io::Result<u16> {
        self.send(line)?;
        self.answer()
    }

    pub fn send(&mut self, line: &str) -> io::Result<()> {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{line}",
            line.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())
    }

    pub fn answer(&mut self) -> io::Result<u16> {
        let (head, _) = message(&mut self.stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok());
        status.ok_or_else(|| io::Error::other(head))
    }

    pub fn stream(&self) -> &TcpStream {
        self.stream.get_ref()
    }
}

/// The head and the body of a request or an answer; none at the end.
pub fn message(stream: &mut BufReader<TcpStream>) -> io::Result<Option<(String, Vec<u8>)>> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let start = head.len();
        if stream.read_line(&mut head)? == 0 {
            return match head.is_empty() {
                true => Ok(None),
                false => Err(io::ErrorKind::UnexpectedEof.into()),
            };
        }
        let line = head[start..].trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some((head, body)))
}
