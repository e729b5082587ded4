//! Just enough HTTP/1.1 to see every byte of a call.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::program::PATIENCE;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A connection that stays open.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).expect("it is read");
    }

    /// Whether it was written: the other side may be gone.
    pub(crate) fn try_send(&mut self, text: &str) -> bool {
        self.0.get_mut().write_all(text.as_bytes()).is_ok()
    }

    /// Sends a request whose headers say `Expect: 100-continue`, up to its body, and returns
    /// once the server wants that: from then on the call is under way.
    pub(crate) fn begin(&mut self, request: &str) {
        let head = request.find("\r\n\r\n").expect("a head ends so") + 4;
        self.send(&request[..head]);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            self.0.read_line(&mut line).expect("an interim answer");
            assert!(line == "\r\n" || line.contains("100 Continue"), "{line}");
        }
    }

    /// The next answer; `None` when the connection was closed instead.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            match self.0.read_line(&mut head) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no answer: {error}"),
            }
        }
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        let mut answer = Answer { status, head, body: String::new() };
        let length = answer.header("content-length").expect("answers are whole").parse();
        let mut body = vec![0; length.expect("a number")];
        self.0.read_exact(&mut body).expect("as much as was said");
        answer.body = String::from_utf8(body).expect("text");
        Some(answer)
    }
}

/// The text of a call; `headers` each end in a line break.
pub(crate) fn request(verb: &str, path: &str, headers: &str, body: &str) -> String {
    format!(
        "{verb} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A call on a connection of its own.
pub(crate) fn call(address: SocketAddr, request: &str) -> Answer {
    let mut connection = Connection::open(address);
    connection.send(request);
    connection.answer().expect("an answer")
}
