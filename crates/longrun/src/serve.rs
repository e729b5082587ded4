//! `longrun serve`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::BoolishValueParser;
use longrun_client::signal::Signals;
use longrun_server::auth::{Authenticator, local_token};
use longrun_server::catalog::Catalog;
use longrun_server::clock::SystemRandom;
use longrun_server::config::{Auth, Config, File, Overrides, parse_listen};
use longrun_server::{Running, Settings, folder};

use crate::logging::{self, LogFormat};
use crate::output::{Exit, Failure};
use crate::place;
use crate::signal;

/// What decides about the configuration: the same for `serve`, `check` and `config show`.
#[derive(Args, Debug)]
pub(crate) struct Flags {
    /// Where to listen, IP:PORT; port 0 is any free one. [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", env = "LONGRUN_LISTEN", value_parser = parse_listen)]
    listen: Option<SocketAddr>,
    /// Where records and the token are kept. [default: $XDG_STATE_HOME/longrun, else
    /// ~/.local/state/longrun]
    #[arg(long, value_name = "DIR", env = "LONGRUN_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// The configuration, longrun.toml.
    #[arg(long, value_name = "FILE", env = "LONGRUN_CONFIG")]
    config: Option<PathBuf>,
    /// A service config, or a built-in's name; repeatable. Replaces the file's services.
    /// [env: LONGRUN_SERVICE]
    #[arg(long, value_name = "FILE.yaml")]
    service: Vec<PathBuf>,
    /// A folder of .proto files, for every service; repeatable. [env: LONGRUN_PROTO_PATH]
    #[arg(long, value_name = "DIR")]
    proto_path: Vec<PathBuf>,
    /// A serialized FileDescriptorSet, for every service; repeatable.
    /// [env: LONGRUN_DESCRIPTOR_SET]
    #[arg(long, value_name = "FILE")]
    descriptor_set: Vec<PathBuf>,
    /// Refuse what is merely odd, too.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Let everybody in, on loopback only.
    #[arg(long, env = "LONGRUN_NO_AUTH", value_parser = BoolishValueParser::new(),
          num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL")]
    no_auth: Option<bool>,
    /// A proxy in front does TLS: an address other than loopback is allowed.
    #[arg(long, env = "LONGRUN_BEHIND_PROXY", value_parser = BoolishValueParser::new(),
          num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL")]
    behind_proxy: Option<bool>,
}

/// Flags of `longrun serve`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    flags: Flags,
    /// How logs look. [default: text on a terminal, else json]
    #[arg(long, value_name = "FORMAT", env = "LONGRUN_LOG_FORMAT")]
    log_format: Option<LogFormat>,
}

impl Flags {
    /// The configuration that counts: the file, and the flags over it.
    ///
    /// # Errors
    /// What is wrong in the file, or between it and the flags.
    pub(crate) fn resolve(&self) -> Result<Config, Failure> {
        let file = match &self.config {
            Some(path) => File::load(path).map_err(Failure::new)?,
            None => File::default(),
        };
        let services = place::flags_or_env(&self.service, "LONGRUN_SERVICE");
        let over = Overrides {
            listen: self.listen,
            data_dir: self.data_dir.clone(),
            no_auth: self.no_auth,
            behind_proxy: self.behind_proxy,
            services: services.iter().map(|one| one.to_string_lossy().into_owned()).collect(),
            proto_path: place::flags_or_env(&self.proto_path, "LONGRUN_PROTO_PATH"),
            descriptor_set: place::flags_or_env(&self.descriptor_set, "LONGRUN_DESCRIPTOR_SET"),
        };
        Config::resolve(file, over, &place::data_dir()).map_err(Failure::new)
    }

    /// The configuration's file.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.config.as_deref()
    }
}

/// Serves until a signal.
///
/// # Errors
/// When the configuration is wrong or the server doesn't start.
pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    logging::start(arguments.log_format, "info")?;
    let config = arguments.flags.resolve()?;
    make_data_dir(&config.data_dir)?;
    let authenticator = authenticator(&config)?;
    let mut signals = Signals::listen().map_err(Failure::new)?;
    let mut running = start(config, authenticator, arguments.flags.strict).await?;
    tracing::info!(address = %running.local_addr(), "listening");
    let failure = tokio::select! {
        came = signals.next() => {
            tracing::info!(signal = %came, "stopping");
            None
        }
        () = running.failed() => Some(Failure::new("a part of the server failed; see the log")),
    };
    signal::stop(&mut signals, running.shutdown()).await;
    failure.map_or(Ok(Exit::Ok), Err)
}

/// The data folder, for its owner alone if it has to be made.
///
/// # Errors
/// When it can't be made.
pub(crate) fn make_data_dir(path: &Path) -> Result<(), Failure> {
    folder::make_private(path).map_err(|error| {
        Failure::new(format!(
            "the data folder {}: {error}; choose one with --data-dir",
            path.display()
        ))
    })
}

fn authenticator(config: &Config) -> Result<Authenticator, Failure> {
    Ok(match &config.auth {
        Auth::Open => Authenticator::open(),
        Auth::Tokens(tokens) => Authenticator::tokens(tokens.iter().cloned()),
        Auth::Local => {
            let token = local_token(&config.data_dir, &SystemRandom).map_err(Failure::new)?;
            Authenticator::local(&token)
        }
    })
}

/// Loads the catalog, says what is odd about it, and listens.
///
/// # Errors
/// When a service doesn't load, the store doesn't open, or the address is taken.
pub(crate) async fn start(
    config: Config,
    authenticator: Authenticator,
    strict: bool,
) -> Result<Running, Failure> {
    let catalog = Catalog::load(&config.sources).map_err(Failure::new)?;
    for problem in catalog.problems() {
        tracing::warn!(severity = ?problem.severity, place = problem.location, "{}", problem.what);
    }
    if let Some(first) = catalog.problems().first().filter(|_| strict) {
        let count = catalog.problems().len();
        return Err(Failure::new(format!("--strict: {count} problems, the first is {first}")));
    }
    let Config { listen, data_dir, limits, tombstone_retention, .. } = config;
    let mut settings = Settings::new(listen, data_dir, catalog, authenticator, limits);
    settings.store.tombstone_retention = tombstone_retention.into();
    longrun_server::start(settings).await.map_err(Failure::new)
}
