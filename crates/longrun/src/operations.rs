//! `longrun operations`.

mod session;
mod target;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum as _};
use longrun_server::config::parse_duration;
use serde_json::Value;
use tokio::time::Instant;

use self::session::Session;
use self::target::Target;
use crate::output::{self, Exit, Failure, Format};

/// Flags of `longrun operations`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Show operations as they are now.
    Describe(Common),
    /// Wait until operations are done, and show them.
    Wait {
        #[command(flatten)]
        common: Common,
        /// Give up after so long, with exit code 124: "500ms", "90s", "5m".
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        timeout: Option<Duration>,
    },
}

#[derive(Args, Debug)]
struct Common {
    /// An id, `operations/ID`, `PARENT/operations/ID`, or `services/SERVICE/operations/ID`.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// The server.
    #[arg(
        long,
        value_name = "URL",
        env = "LONGRUN_SERVER",
        default_value = "http://127.0.0.1:8080"
    )]
    server: String,
    /// The service: shows its record if the token allows, else what a client sees.
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// Shows what a client sees, whatever the token allows.
    #[arg(long)]
    as_client: bool,
    /// A file with the token; else, for a server on this machine, the one in its data
    /// folder.
    #[arg(long, value_name = "FILE", env = "LONGRUN_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// The data folder of a server on this machine. [default: as of longrun serve]
    #[arg(long, value_name = "DIR", env = "LONGRUN_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// How operations look.
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// Describes or waits.
///
/// # Errors
/// When the server can't be reached or the token not read. What goes wrong with one of the
/// names is said on stderr and is the exit code.
pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        Command::Describe(common) => {
            // One that failed is shown all the same: only a wait ends as its operation did.
            let exit = |_: &Value| Exit::Ok;
            each(&common, exit, async |session, target| session.describe(target).await.map(Some))
                .await
        }
        Command::Wait { common, timeout } => {
            let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
            let waits = each(&common, outcome, async |session, target| {
                session.wait(target, deadline).await
            });
            tokio::select! {
                exit = waits => exit,
                interrupted = tokio::signal::ctrl_c() => {
                    interrupted.map_err(Failure::new)?;
                    eprintln!("longrun: interrupted; the work goes on. To wait again: longrun {}", resume(&common));
                    Ok(Exit::Interrupted)
                }
            }
        }
    }
}

/// Asks for each name in turn and prints what came; the exit code is that of the first that
/// isn't well.
async fn each<A>(common: &Common, exit_of: impl Fn(&Value) -> Exit, ask: A) -> Result<Exit, Failure>
where
    A: AsyncFn(&Session, &Target) -> Result<Option<Value>, Failure>,
{
    let targets: Vec<Target> =
        common.names.iter().map(|name| Target::parse(name, common.service.as_deref())).collect();
    let session = Session::open(common).await?;
    let json = common.output == Format::Json;
    let mut shown = Vec::new();
    let mut worst = Exit::Ok;
    for target in &targets {
        let exit = match ask(&session, target).await {
            Ok(Some(value)) => {
                let exit = exit_of(&value);
                if !json {
                    let gap = if shown.is_empty() { "" } else { "\n" };
                    output::print(&format!("{gap}{}", output::table(&value)))?;
                }
                shown.push(value);
                exit
            }
            Ok(None) => {
                eprintln!("longrun: {}: still open", target.operation);
                Exit::TimedOut
            }
            Err(failure) => {
                eprintln!("longrun: {}: {}", target.operation, failure.message);
                failure.exit
            }
        };
        if worst == Exit::Ok {
            worst = exit;
        }
    }
    if json && (targets.len() > 1 || !shown.is_empty()) {
        output::print(&output::json(shown, targets.len() > 1))?;
    }
    Ok(worst)
}

/// The arguments that wait again, and find server and token as these did.
fn resume(common: &Common) -> String {
    let mut words = vec!["operations".to_owned(), "wait".to_owned()];
    words.extend(common.names.iter().map(|name| quoted(name)));
    let mut flag = |name: &str, value: &str| words.extend([name.to_owned(), quoted(value)]);
    flag("--server", &common.server);
    if let Some(service) = &common.service {
        flag("--service", service);
    }
    for (name, path) in [("--token-file", &common.token_file), ("--data-dir", &common.data_dir)] {
        if let Some(path) = path {
            flag(name, &path.to_string_lossy());
        }
    }
    if let Some(format) =
        common.output.to_possible_value().filter(|_| common.output != Format::default())
    {
        flag("--output", format.get_name());
    }
    if common.as_client {
        words.push("--as-client".to_owned());
    }
    words.join(" ")
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-._~/:@%+=,".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// How an operation ended.
fn outcome(value: &Value) -> Exit {
    let operation = value.get("operation").unwrap_or(value);
    match (&operation["error"], &operation["error"]["code"]) {
        (Value::Null, _) => Exit::Ok,
        (_, code) if *code == 1 => Exit::OperationCancelled,
        _ => Exit::OperationFailed,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_way_to_resume_survives_a_shell() {
        let common = Common {
            names: vec!["a".to_owned(), "it's".to_owned()],
            server: "http://[::1]:8080".to_owned(),
            service: Some("longrun.local".to_owned()),
            as_client: true,
            token_file: Some("my token".into()),
            data_dir: None,
            output: Format::Json,
        };
        assert_eq!(
            resume(&common),
            r"operations wait a 'it'\''s' --server 'http://[::1]:8080' --service longrun.local "
                .to_owned()
                + "--token-file 'my token' --output json --as-client"
        );
    }

    #[test]
    fn outcomes() {
        let table = [
            (json!({"name": "operations/a"}), Exit::Ok),
            (json!({"done": true, "response": {}}), Exit::Ok),
            (json!({"done": true, "error": {"code": 1}}), Exit::OperationCancelled),
            (json!({"done": true, "error": {"code": 13}}), Exit::OperationFailed),
            (json!({"operation": {"done": true, "error": {"code": 1}}}), Exit::OperationCancelled),
        ];
        for (value, exit) in table {
            assert_eq!(outcome(&value), exit, "{value}");
        }
    }
}
