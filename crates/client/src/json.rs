//! JSON over the connection that gRPC uses: payloads of types that only the server knows
//! are readable and writable there.

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use tonic::Code;
use tonic::body::Body;
use tower::ServiceExt as _;

use crate::{Client, ClientError};

impl Client {
    /// What the server answers to `GET {path}`, as JSON text; `None` when the answer isn't
    /// 200.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the connection fails, `INVALID_ARGUMENT` when `path` is none.
    pub async fn get_json(&self, path: &str) -> Result<Option<Vec<u8>>, ClientError> {
        let (status, body) = self.exchange(http::Request::get(path), Body::empty()).await?;
        Ok((status == http::StatusCode::OK).then_some(body))
    }

    /// What the server answers to `POST {path}`.
    ///
    /// # Errors
    /// As the server says; as [`get_json`](Self::get_json).
    pub async fn post_json(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        let request = http::Request::post(path).header(CONTENT_TYPE, "application/json");
        let body = Full::new(prost::bytes::Bytes::from(body.to_string()));
        let (status, answer) = self.exchange(request, Body::new(body)).await?;
        let answer = serde_json::from_slice(&answer);
        match (status == http::StatusCode::OK, answer) {
            (true, Ok(answer)) => Ok(answer),
            (false, Ok(answer)) => Err(refusal(&answer)),
            (_, Err(error)) => {
                let what = format!("HTTP {status}, with a body that is no JSON: {error}");
                Err(ClientError::new(Code::Internal, what))
            }
        }
    }

    async fn exchange(
        &self,
        mut request: http::request::Builder,
        body: Body,
    ) -> Result<(http::StatusCode, Vec<u8>), ClientError> {
        let lost = |error: &(dyn std::error::Error + 'static)| {
            ClientError::new(Code::Unavailable, crate::error::chain(error))
        };
        if let Some(value) = &self.bearer.0 {
            let mut header =
                HeaderValue::from_bytes(value.as_bytes()).map_err(|error| lost(&error))?;
            header.set_sensitive(true);
            request = request.header(AUTHORIZATION, header);
        }
        let request = request
            .body(body)
            .map_err(|error| ClientError::new(Code::InvalidArgument, error.to_string()))?;
        let answer = self.channel.clone().oneshot(request).await.map_err(|error| lost(&error))?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(|status| lost(&status))?;
        Ok((status, body.to_bytes().to_vec()))
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
        let odd = refusal(&serde_json::json!({"error": "what"}));
        assert_eq!((odd.code, odd.reason), (Code::Unknown, None));
    }
}
