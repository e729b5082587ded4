//! A server, the token for it, and what it says of operations.

use std::collections::HashMap;

use longrun_client::{Client, ClientError, Code, escape_path};
use serde_json::Value;
use tokio::sync::Mutex;

use super::Access;
use super::plain;
use super::query::{literal, with_query};
use super::target::Target;
use crate::connection::Connection;
use crate::output::{Exit, Failure};

/// A connection, made for one command.
pub(super) struct Session {
    connection: Connection,
    token: Option<String>,
    client: Client,
    /// Connections that name a service as their host.
    hosts: Mutex<HashMap<String, Client>>,
    as_client: bool,
}

/// Who looks at an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// The Backend, at the record of this name.
    Record(String),
    /// A client.
    Operation(Target),
}

impl View {
    /// The service, if it is known: the record's name says it, or else what was asked for.
    pub(super) fn service<'a>(&'a self, target: &'a Target) -> Option<&'a str> {
        match self {
            Self::Record(name) => Some(name.strip_prefix("services/")?.split_once('/')?.0),
            Self::Operation(_) => target.service.as_deref(),
        }
    }
}

impl Session {
    pub(super) async fn open(access: &Access) -> Result<Self, Failure> {
        let connection = access.connection.clone();
        let token = connection.token()?;
        let client = connection.open(token.clone(), None).await?;
        let as_client = access.as_client;
        Ok(Self { connection, token, client, hosts: Mutex::default(), as_client })
    }

    /// Who may look at it, and how it is now: the Backend where the token allows, else a client.
    pub(super) async fn find(&self, target: &Target) -> Result<(View, Value), ClientError> {
        let found = self.as_backend(self.find_record(target)).await?;
        let asked = found.is_some();
        if let Some(record) = found.flatten() {
            let name = record["name"].as_str().unwrap_or_default().to_owned();
            return Ok((View::Record(name), record));
        }
        // A client is told whether it was there once. Where the Backend knows of none, one to whom
        // a client's view is closed has still been told.
        let view = View::Operation(target.clone());
        match self.look(&view).await {
            Err(error) if asked && (is_ambiguous(&error) || refuses(&error)) => Err(ClientError {
                code: Code::NotFound,
                message: "no service of this server has it".to_owned(),
                reason: None,
            }),
            operation => Ok((view, operation?)),
        }
    }

    /// The record; `None` if no service has it.
    async fn find_record(&self, target: &Target) -> Result<Option<Value>, ClientError> {
        if let Some(name) = target.record() {
            return self.look(&View::Record(name)).await.map(Some);
        }
        let filter = format!("name={}", literal(&target.operation));
        let path = with_query(
            "/longrun/v1/services/-/operations",
            &[("filter", &filter), ("pageSize", "2")],
        );
        let mut page = self.client.get_json(&path).await?;
        let Value::Array(mut records) = page["records"].take() else { return Ok(None) };
        match &records[..] {
            [one, other, ..] => Err(ClientError {
                code: Code::InvalidArgument,
                message: format!(
                    "there are {} and {}: give the whole name, or --service",
                    one["name"], other["name"]
                ),
                reason: None,
            }),
            _ => Ok(records.pop()),
        }
    }

    /// What the Backend answers; `None` if it doesn't answer to this token, or isn't asked.
    pub(super) async fn as_backend<T>(
        &self,
        call: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<Option<T>, ClientError> {
        if self.as_client {
            return Ok(None);
        }
        match call.await {
            Err(error) if refuses(&error) => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// As it is now.
    pub(super) async fn look(&self, view: &View) -> Result<Value, ClientError> {
        match view {
            View::Record(name) => {
                self.client.get_json(&format!("/longrun/v1/{}", escape_path(name))).await
            }
            View::Operation(target) => {
                let client = self.client_of(target.service.as_deref()).await?;
                let path = format!("/v1/{}", escape_path(&target.operation));
                match client.get_json(&path).await {
                    Err(error) if is_no_route(&error) => {
                        Ok(plain::operation(&client.get_operation(&target.operation).await?))
                    }
                    found => found,
                }
            }
        }
    }

    /// The Backend's connection.
    pub(super) fn backend(&self) -> &Client {
        &self.client
    }

    /// A client's connection. It names the service as its host: a client's call has no other
    /// place for it.
    pub(super) async fn client_of(&self, service: Option<&str>) -> Result<Client, ClientError> {
        let Some(service) = service else { return Ok(self.client.clone()) };
        let mut hosts = self.hosts.lock().await;
        if let Some(client) = hosts.get(service) {
            return Ok(client.clone());
        }
        let client = self.connection.open(self.token.clone(), Some(service)).await?;
        hosts.insert(service.to_owned(), client.clone());
        Ok(client)
    }

    /// An error, and what to do about a missing token or service.
    pub(super) fn explain(&self, error: ClientError) -> Failure {
        let ambiguous = is_ambiguous(&error);
        let mut failure = Failure::from(error);
        if ambiguous {
            failure.message.push_str("; give --service");
        }
        if failure.exit == Exit::Auth && self.token.is_none() {
            failure.message.push_str(
                "; no token was sent: give --token-file, set LONGRUN_TOKEN_FILE, or give the \
                 server's --data-dir",
            );
        }
        failure
    }
}

/// Whether a view isn't for this token, or isn't there.
fn refuses(error: &ClientError) -> bool {
    matches!(error.code, Code::PermissionDenied | Code::Unimplemented) || is_no_route(error)
}

/// Whether several services could be meant.
fn is_ambiguous(error: &ClientError) -> bool {
    error.reason.as_deref() == Some("SERVICE_AMBIGUOUS")
}

/// Whether the server has nothing at that path. One that isn't Longrun gives no reason.
pub(super) fn is_no_route(error: &ClientError) -> bool {
    match error.reason.as_deref() {
        Some(reason) => matches!(reason, "ROUTE_NOT_FOUND" | "METHOD_NOT_ALLOWED"),
        None => error.code == Code::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_and_what_is_not_found() {
        let table = [
            (Code::PermissionDenied, Some("ACCESS_TOKEN_SCOPE_INSUFFICIENT"), true, false),
            (Code::Unimplemented, None, true, false),
            (Code::NotFound, Some("ROUTE_NOT_FOUND"), true, true),
            (Code::NotFound, None, true, true),
            (Code::NotFound, Some("OPERATION_NOT_FOUND"), false, false),
            (Code::NotFound, Some("SERVICE_AMBIGUOUS"), false, false),
            (Code::Unauthenticated, Some("CREDENTIALS_MISSING"), false, false),
            (Code::Unavailable, None, false, false),
        ];
        for (code, reason, refused, no_route) in table {
            let reason = reason.map(str::to_owned);
            let error = ClientError { code, message: String::new(), reason };
            assert_eq!((refuses(&error), is_no_route(&error)), (refused, no_route), "{error:?}");
        }
    }
}
