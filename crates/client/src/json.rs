//! JSON over the connection that gRPC uses: payloads of types that only the server knows
//! are readable and writable there.

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use tonic::Code;
use tonic::body::Body;
use tower::ServiceExt as _;

use crate::{Client, ClientError};

/// The longest line of a stream: a record of the largest size, with its escapes.
const LINE_BYTES_MAX: usize = 64 << 20;

impl Client {
    /// What the server answers to `GET {path}`.
    ///
    /// # Errors
    /// As the server says; `UNAVAILABLE` when the connection fails, `INVALID_ARGUMENT` when
    /// `path` is none, `INTERNAL` when the answer is no JSON.
    pub async fn get_json(&self, path: &str) -> Result<Value, ClientError> {
        read(self.send(http::Request::get(path), Body::empty()).await?).await
    }

    /// What the server answers to `POST {path}`.
    ///
    /// # Errors
    /// As [`get_json`](Self::get_json).
    pub async fn post_json(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        let request = http::Request::post(path).header(CONTENT_TYPE, "application/json");
        let body = Full::new(prost::bytes::Bytes::from(body.to_string()));
        read(self.send(request, Body::new(body)).await?).await
    }

    /// The messages that the server streams for `GET {path}`.
    ///
    /// # Errors
    /// As [`get_json`](Self::get_json).
    pub async fn stream_json(&self, path: &str) -> Result<JsonStream, ClientError> {
        let request = http::Request::get(path).header(ACCEPT, "application/x-ndjson");
        let answer = self.send(request, Body::empty()).await?;
        match answer.status() {
            http::StatusCode::OK => {
                Ok(JsonStream { body: answer.into_body(), read: vec![], searched: 0 })
            }
            _ => Err(read(answer).await.err().unwrap_or_else(|| {
                ClientError::new(Code::Internal, "an answer that is neither a stream nor an error")
            })),
        }
    }

    async fn send(
        &self,
        mut request: http::request::Builder,
        body: Body,
    ) -> Result<http::Response<Body>, ClientError> {
        if let Some(value) = &self.bearer.0 {
            let mut header =
                HeaderValue::from_bytes(value.as_bytes()).map_err(|error| lost(&error))?;
            header.set_sensitive(true);
            request = request.header(AUTHORIZATION, header);
        }
        let request = request
            .body(body)
            .map_err(|error| ClientError::new(Code::InvalidArgument, error.to_string()))?;
        self.channel.clone().oneshot(request).await.map_err(|error| lost(&error))
    }
}

/// What a server streams, in JSON.
#[derive(Debug)]
pub struct JsonStream {
    body: Body,
    read: Vec<u8>,
    /// How much of it is known to have no line's end.
    searched: usize,
}

impl JsonStream {
    /// The next message, once it comes; `None` when the server has ended the stream. Nothing
    /// is lost if the future is dropped.
    ///
    /// # Errors
    /// The error that the stream ends with; `UNAVAILABLE` when the connection breaks.
    pub async fn next(&mut self) -> Result<Option<Value>, ClientError> {
        loop {
            if let Some(end) = self.read[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=self.searched + end).collect();
                self.searched = 0;
                return message(&line).map(Some);
            }
            self.searched = self.read.len();
            if self.read.len() > LINE_BYTES_MAX {
                let what = format!("a message of more than {LINE_BYTES_MAX} bytes");
                return Err(ClientError::new(Code::ResourceExhausted, what));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(status)) => return Err(lost(&status)),
                Some(Ok(frame)) => self.read.extend(frame.into_data().unwrap_or_default()),
            }
        }
    }
}

fn message(line: &[u8]) -> Result<Value, ClientError> {
    let message: Value = serde_json::from_slice(line)
        .map_err(|error| ClientError::new(Code::Internal, format!("no JSON: {error}")))?;
    match message.get("error") {
        Some(_) => Err(refusal(&message)),
        None => Ok(message),
    }
}

fn lost(error: &(dyn std::error::Error + 'static)) -> ClientError {
    ClientError::new(Code::Unavailable, crate::error::chain(error))
}

async fn read(answer: http::Response<Body>) -> Result<Value, ClientError> {
    let status = answer.status();
    let body = answer.into_body().collect().await.map_err(|status| lost(&status))?.to_bytes();
    match (status == http::StatusCode::OK, serde_json::from_slice(&body)) {
        (true, Ok(answer)) => Ok(answer),
        (false, Ok(answer)) if answer["error"]["status"].is_string() => Err(refusal(&answer)),
        (false, _) => {
            // Not Longrun's own answer: a proxy's, or another server's.
            Err(ClientError::new(of_http(status), format!("HTTP {status}")))
        }
        (true, Err(error)) => {
            let what = format!("HTTP {status}, with a body that is no JSON: {error}");
            Err(ClientError::new(Code::Internal, what))
        }
    }
}

/// A path with every byte escaped that isn't plain; slashes stay.
#[must_use]
pub fn escape_path(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The error that a body tells of.
fn refusal(body: &Value) -> ClientError {
    let error = &body["error"];
    let details = error["details"].as_array().into_iter().flatten();
    let reason = details
        .filter(|detail| detail["@type"] == "type.googleapis.com/google.rpc.ErrorInfo")
        .find_map(|info| info["reason"].as_str());
    ClientError {
        code: code(error["status"].as_str().unwrap_or_default()),
        message: error["message"].as_str().unwrap_or("an error without a message").to_owned(),
        reason: reason.map(str::to_owned),
    }
}

/// What a status means where nothing else says it.
fn of_http(status: http::StatusCode) -> Code {
    match status.as_u16() {
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        429 | 502..=504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

fn code(name: &str) -> Code {
    match name {
        "CANCELLED" => Code::Cancelled,
        "INVALID_ARGUMENT" => Code::InvalidArgument,
        "DEADLINE_EXCEEDED" => Code::DeadlineExceeded,
        "NOT_FOUND" => Code::NotFound,
        "ALREADY_EXISTS" => Code::AlreadyExists,
        "PERMISSION_DENIED" => Code::PermissionDenied,
        "RESOURCE_EXHAUSTED" => Code::ResourceExhausted,
        "FAILED_PRECONDITION" => Code::FailedPrecondition,
        "ABORTED" => Code::Aborted,
        "OUT_OF_RANGE" => Code::OutOfRange,
        "UNIMPLEMENTED" => Code::Unimplemented,
        "INTERNAL" => Code::Internal,
        "UNAVAILABLE" => Code::Unavailable,
        "DATA_LOSS" => Code::DataLoss,
        "UNAUTHENTICATED" => Code::Unauthenticated,
        _ => Code::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_escaped() {
        let escaped = escape_path("/v1/operations/a b:c%é?x#y");
        assert_eq!(escaped, "/v1/operations/a%20b%3Ac%25%C3%A9%3Fx%23y");
    }

    #[test]
    fn refusals_are_read() {
        let info = serde_json::json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "LEASE_LOST",
        });
        let error = serde_json::json!({
            "code": 409, "status": "ABORTED", "message": "gone", "details": [{"@type": "x"}, info],
        });
        let found = refusal(&serde_json::json!({"error": error}));
        assert_eq!((found.code, found.to_string()), (Code::Aborted, "gone (LEASE_LOST)".into()));
        let streamed = message(format!("{}\n", serde_json::json!({"error": error})).as_bytes());
        assert_eq!(streamed.unwrap_err().code, Code::Aborted);
        assert_eq!(message(b"{\"removed\":true}\n").unwrap()["removed"], true);
        assert_eq!(message(b"{\n").unwrap_err().code, Code::Internal);
        let odd = refusal(&serde_json::json!({"error": "what"}));
        assert_eq!((odd.code, odd.reason), (Code::Unknown, None));
    }
}
