//! The server that a command talks to, and the token for it.

use std::env;
use std::path::{Path, PathBuf};

use clap::Args;
use longrun_client::{Client, ClientError};
use longrun_server::auth::{TOKEN_FILE, check_host};

use crate::output::Failure;
use crate::place;

/// The variable with the token, and the one with the path of its file.
const TOKEN: &str = "LONGRUN_TOKEN";
const TOKEN_FILE_VARIABLE: &str = "LONGRUN_TOKEN_FILE";

/// Flags of every command that talks to a server.
#[derive(Args, Clone, Debug)]
pub(crate) struct Connection {
    /// The server.
    #[arg(
        long,
        value_name = "URL",
        env = "LONGRUN_SERVER",
        default_value = "http://127.0.0.1:8080"
    )]
    pub(crate) server: String,
    /// A file with the token. Without it: the file in LONGRUN_TOKEN_FILE, the token itself in
    /// LONGRUN_TOKEN, or, for a server on this machine, the one in its data folder.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The data folder of a server on this machine. [default: as of longrun serve]
    #[arg(long, value_name = "DIR", env = "LONGRUN_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

impl Connection {
    /// A client of the server; with a `host`, of the service that it means.
    ///
    /// # Errors
    /// As of [`Client::connect`].
    pub(crate) async fn open(
        &self,
        token: Option<String>,
        host: Option<&str>,
    ) -> Result<Client, ClientError> {
        Client::connect_as(&self.server, token, host).await
    }

    /// The token to send. The one of the data folder goes to this machine alone: no other
    /// server may learn it.
    ///
    /// # Errors
    /// When it is said where the token is, and it isn't there.
    pub(crate) fn token(&self) -> Result<Option<String>, Failure> {
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
        if let Some(path) = &self.token_file {
            return read(path, "--token-file").map(Some);
        }
        match (variable(TOKEN_FILE_VARIABLE), variable(TOKEN)) {
            (Some(_), Some(_)) => Err(Failure::usage(format!(
                "{TOKEN_FILE_VARIABLE} and {TOKEN} are both set; unset one, or say --token-file"
            ))),
            (Some(path), None) => read(Path::new(&path), TOKEN_FILE_VARIABLE).map(Some),
            (None, Some(token)) => match token.into_string() {
                Ok(token) => Ok(Some(token.trim().to_owned())),
                Err(_) => Err(Failure::usage(format!("{TOKEN} is no text"))),
            },
            (None, None) if is_local(&self.server) => {
                let folder = self.data_dir.clone().unwrap_or_else(place::data_dir);
                let found = std::fs::read_to_string(folder.join(TOKEN_FILE));
                let token = found.ok().map(|text| text.trim().to_owned());
                Ok(token.filter(|token| !token.is_empty()))
            }
            (None, None) => Ok(None),
        }
    }
}

fn read(path: &Path, origin: &str) -> Result<String, Failure> {
    let refuse = |what: &str| Failure::new(format!("{origin} {}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| refuse(&error.to_string()))?;
    match text.trim() {
        "" => Err(refuse("it is empty")),
        token => Ok(token.to_owned()),
    }
}

fn is_local(server: &str) -> bool {
    let authority = server.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    authority.is_some_and(|authority| check_host(authority, None, []).is_ok())
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
}
