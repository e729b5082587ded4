//! What came back instead of an answer.

use std::fmt;

use longrun_api::google::rpc;
use prost::Message as _;
use tonic::Code;

/// A call that failed: not an operation that did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientError {
    /// The `google.rpc.Code`.
    pub code: Code,
    /// English, for developers.
    pub message: String,
    /// The `ErrorInfo`'s reason, such as `OPERATION_NOT_FOUND`.
    pub reason: Option<String>,
}

impl ClientError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), reason: None }
    }
}

impl From<tonic::Status> for ClientError {
    fn from(status: tonic::Status) -> Self {
        let message = match (status.message(), std::error::Error::source(&status)) {
            ("", Some(source)) => chain(source),
            ("", None) => status.code().description().to_owned(),
            (message, Some(source)) => format!("{message}: {}", chain(source)),
            (message, None) => message.to_owned(),
        };
        // What a server says has no source: this is a connection that broke under the call.
        let broke = status.code() == Code::Unknown && std::error::Error::source(&status).is_some();
        let code = if broke { Code::Unavailable } else { status.code() };
        Self { code, message, reason: reason(status.details()) }
    }
}

/// From the bytes of `grpc-status-details-bin`, a `google.rpc.Status`.
fn reason(details: &[u8]) -> Option<String> {
    let status = rpc::Status::decode(details).ok()?;
    let info = status.details.iter().find(|any| any.type_url.ends_with("/google.rpc.ErrorInfo"))?;
    let info = rpc::ErrorInfo::decode(&*info.value).ok()?;
    Some(info.reason).filter(|reason| !reason.is_empty())
}

/// An error with its causes: a transport's own text says only that it failed.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.reason {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ClientError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_comes_from_the_details() {
        let info = rpc::ErrorInfo { reason: "OPERATION_NOT_FOUND".into(), ..Default::default() };
        let any = |name: &str, value: Vec<u8>| prost_types::Any {
            type_url: format!("type.googleapis.com/{name}"),
            value,
        };
        let status = rpc::Status {
            code: 5,
            message: "gone".into(),
            details: vec![
                any("google.rpc.Help", vec![]),
                any("google.rpc.ErrorInfo", info.encode_to_vec()),
            ],
        };
        let sent =
            tonic::Status::with_details(Code::NotFound, "gone", status.encode_to_vec().into());
        let error = ClientError::from(sent);
        assert_eq!(error.code, Code::NotFound);
        assert_eq!(error.to_string(), "gone (OPERATION_NOT_FOUND)");
        assert_eq!(ClientError::from(tonic::Status::not_found("gone")).reason, None);
        let broken = tonic::Status::with_details(Code::NotFound, "gone", vec![0xff].into());
        assert_eq!(ClientError::from(broken).reason, None);
    }
}
