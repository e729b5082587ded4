//! A server, the token for it, and what it says of operations.

use std::future::Future;
use std::path::PathBuf;

use longrun_client::{Client, ClientError, Code, patiently};
use longrun_server::auth::TOKEN_FILE;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::Common;
use super::target::Target;
use crate::output::{Exit, Failure};
use crate::{place, plain};

/// A connection, made for the names of one command.
pub(super) struct Session {
    server: String,
    token: Option<String>,
    client: Client,
    as_client: bool,
}

impl Session {
    pub(super) async fn open(common: &Common) -> Result<Self, Failure> {
        let token = token(common)?;
        let client = Client::connect(&common.server, token.clone()).await?;
        let (server, as_client) = (common.server.clone(), common.as_client);
        Ok(Self { server, token, client, as_client })
    }

    /// As now: the record where the token allows, else the operation.
    pub(super) async fn describe(&self, target: &Target) -> Result<Value, Failure> {
        self.look(target).await.map_err(|error| self.explain(error))
    }

    async fn look(&self, target: &Target) -> Result<Value, ClientError> {
        if let Some(name) = self.record(target) {
            match self.fetch_record(&name).await {
                Err(error) if error.code == Code::PermissionDenied => {}
                found => return found,
            }
        }
        let client = self.client_for(target).await?;
        match json(&client, &format!("/v1/{}", target.operation)).await? {
            Some(value) => Ok(value),
            None => Ok(plain::operation(&client.get_operation(&target.operation).await?)),
        }
    }

    /// Done, or `None` when the time is over first.
    pub(super) async fn wait(
        &self,
        target: &Target,
        deadline: Option<Instant>,
    ) -> Result<Option<Value>, Failure> {
        match self.look(target).await {
            Ok(now) if is_done(&now) => return Ok(Some(now)),
            // One that is away for a moment is asked again.
            Ok(_) => {}
            Err(error) if error.code == Code::Unavailable => {}
            Err(error) => return Err(self.explain(error)),
        }
        match within(deadline, self.look_until_done(target)).await {
            None => Ok(None),
            Some(done) => done.map(Some).map_err(|error| self.explain(error)),
        }
    }

    async fn look_until_done(&self, target: &Target) -> Result<Value, ClientError> {
        loop {
            let now = patiently(async || self.look(target).await).await?;
            if is_done(&now) {
                return Ok(now);
            }
            match self.record(target).filter(|_| now.get("operation").is_some()) {
                Some(name) => self.client.wait_record_until_done(&name).await.map(drop)?,
                None => {
                    let client = patiently(async || self.client_for(target).await).await?;
                    client.wait_until_done(&target.operation).await.map(drop)?;
                }
            }
        }
    }

    /// The record to look at, unless only a client's view is wanted.
    fn record(&self, target: &Target) -> Option<String> {
        target.record().filter(|_| !self.as_client)
    }

    async fn fetch_record(&self, name: &str) -> Result<Value, ClientError> {
        match json(&self.client, &format!("/longrun/v1/{name}")).await? {
            Some(value) => Ok(value),
            None => Ok(plain::record(&self.client.get_record(name).await?)),
        }
    }

    /// Names the service as the host, since a client's call has no other place for it.
    async fn client_for(&self, target: &Target) -> Result<Client, ClientError> {
        match &target.service {
            None => Ok(self.client.clone()),
            Some(service) => {
                Client::connect_as(&self.server, self.token.clone(), Some(service)).await
            }
        }
    }

    fn explain(&self, error: ClientError) -> Failure {
        let mut failure = Failure::from(error);
        if failure.exit == Exit::Auth && self.token.is_none() {
            failure
                .message
                .push_str("; no token was sent: give --token-file, or the server's --data-dir");
        }
        failure
    }
}

fn is_done(value: &Value) -> bool {
    value.get("operation").unwrap_or(value)["done"] == true
}

/// `None` when the deadline is over first.
async fn within<T>(deadline: Option<Instant>, future: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => timeout_at(deadline, future).await.ok(),
        None => Some(future.await),
    }
}

/// The server's own JSON; `None` when it has none at that path.
async fn json(client: &Client, path: &str) -> Result<Option<Value>, ClientError> {
    let body = client.get_json(&escape(path)).await?;
    Ok(body.and_then(|body| serde_json::from_slice(&body).ok()))
}

fn escape(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The token to send. The one of the data folder goes to this machine alone: no other
/// server may learn it.
fn token(common: &Common) -> Result<Option<String>, Failure> {
    let read = |path: &PathBuf| std::fs::read_to_string(path).map(|text| text.trim().to_owned());
    if let Some(path) = &common.token_file {
        let token = read(path);
        return token
            .map(Some)
            .map_err(|error| Failure::new(format!("the token file {}: {error}", path.display())));
    }
    if !is_local(&common.server) {
        return Ok(None);
    }
    let folder = common.data_dir.clone().unwrap_or_else(place::data_dir);
    Ok(read(&folder.join(TOKEN_FILE)).ok().filter(|token| !token.is_empty()))
}

fn is_local(server: &str) -> bool {
    let authority = server.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    authority.is_some_and(|authority| longrun_server::auth::check_host(authority, None, []).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_token_stays_here() {
        for server in ["http://127.0.0.1:8080", "http://localhost:1/", "http://[::1]:2"] {
            assert!(is_local(server), "{server}");
        }
        for server in
            ["http://example.com", "http://127.0.0.1.evil.com", "http://localhost@evil.com:80", ""]
        {
            assert!(!is_local(server), "{server}");
        }
    }

    #[test]
    fn paths_are_escaped() {
        assert_eq!(
            escape("/v1/operations/a b:c%é?x#y"),
            "/v1/operations/a%20b%3Ac%25%C3%A9%3Fx%23y"
        );
    }
}
