//! `longrun serve` as a child process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use longrun_client::Client;
use serde_json::{Value, json};

use crate::http::{self, Answer};
use crate::program::{Program, longrun};

/// Where records are.
pub(crate) const RECORDS: &str = "/longrun/v1/services/longrun.local/operations";

/// A server on a port of its own.
pub(crate) struct Server {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
    dir: PathBuf,
}

/// `longrun serve` on a data folder.
pub(crate) fn serve(dir: &Path) -> Command {
    let mut command = longrun(dir);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir);
    command
}

impl Server {
    /// One on a data folder, as it is without any configuration.
    pub(crate) fn start(dir: &Path) -> Self {
        Self::start_as(dir, &mut serve(dir))
    }

    /// What `command` starts, once it listens.
    pub(crate) fn start_as(dir: &Path, command: &mut Command) -> Self {
        let program = Program::start(command);
        let address = program.stderr.find(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            let listening = line["message"] == "listening";
            listening.then(|| line["address"].as_str()?.parse().ok()).flatten()
        });
        Self { program, address, dir: dir.to_owned() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The token of its data folder.
    pub(crate) fn token(&self) -> String {
        let text = std::fs::read_to_string(self.dir.join("token")).expect("it was made");
        text.trim().to_owned()
    }

    /// A connection over gRPC, as the administrator.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.url(), Some(self.token())).await.expect("it listens")
    }

    /// A call over REST, as the administrator.
    pub(crate) fn rest(&self, verb: &str, path: &str, body: &str) -> Answer {
        http::call(self.address, &self.request(verb, path, body))
    }

    /// The text of such a call.
    pub(crate) fn request(&self, verb: &str, path: &str, body: &str) -> String {
        let token = self.token();
        let headers =
            format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
        http::request(verb, path, &headers, body)
    }

    /// Creates `operations/{id}`, which its service itself works on.
    pub(crate) fn create(&self, id: &str) {
        self.create_with(id, json!({}));
    }

    /// As [`create`](Self::create), with more fields of the record.
    pub(crate) fn create_with(&self, id: &str, more: Value) {
        let mut record = json!({
            "owner": "local:admin",
            "execution": "SELF",
            "deadline": "2100-01-01T00:00:00Z",
        });
        let more = more.as_object().expect("fields").clone();
        record.as_object_mut().expect("fields").extend(more);
        let path = format!("{RECORDS}?operationId={id}");
        let answer = self.rest("POST", &path, &record.to_string());
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Writes a percentage into its metadata.
    pub(crate) fn progress(&self, id: &str, percent: u8) {
        let record = json!({ "operation": { "metadata": progress(percent) } });
        let path = format!("{RECORDS}/{id}?updateMask=operation.metadata");
        let answer = self.rest("PATCH", &path, &record.to_string());
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Finishes it, with `{"response": …}` or `{"error": …}`.
    pub(crate) fn finish(&self, id: &str, result: Value) {
        let answer = self.rest("POST", &format!("{RECORDS}/{id}:finish"), &result.to_string());
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// Metadata that tell how far the work is.
pub(crate) fn progress(percent: u8) -> Value {
    let fields = json!({ "progressPercent": percent });
    json!({ "@type": "type.googleapis.com/google.protobuf.Struct", "value": fields })
}
