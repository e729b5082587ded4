//! A whole server: the store, the reaper and the listeners, started and stopped together.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::auth::Authenticator;
use crate::catalog::Catalog;
use crate::clock::{Clock, Random, SystemClock, SystemRandom};
use crate::config::Limits;
use crate::live::Live;
use crate::operation::{Filter, Record};
use crate::reaper::Reaper;
use crate::service::{Api, Pools, Strays};
use crate::store::embedded::{EmbeddedOptions, EmbeddedStore, OpenError};
use crate::store::{ListQuery, Observer, Order, Store};
use crate::transport::{Entry, Guard, Listener, RateLimit, TraceIds, serve};
use crate::unattended::Lookout;

/// What a server is made of.
pub struct Settings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where the embedded store keeps its files.
    pub data_dir: PathBuf,
    /// What it serves.
    pub catalog: Arc<Catalog>,
    /// Whom it lets in.
    pub authenticator: Authenticator,
    /// The limits.
    pub limits: Limits,
    /// Its time.
    pub clock: Arc<dyn Clock>,
    /// Its randomness.
    pub random: Arc<dyn Random>,
    /// How its store is opened; `store_bytes_max` of the limits goes before its own.
    pub store: EmbeddedOptions,
    /// Between two heartbeats of a watch. 15 s.
    pub heartbeat: Duration,
}

/// Between two heartbeats of a watch.
const HEARTBEAT: Duration = Duration::from_secs(15);

impl Settings {
    /// Settings with the machine's clock and randomness.
    #[must_use]
    pub fn new(
        listen: SocketAddr,
        data_dir: PathBuf,
        catalog: impl Into<Arc<Catalog>>,
        authenticator: Authenticator,
        limits: Limits,
    ) -> Self {
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let (store, heartbeat) = (EmbeddedOptions::default(), HEARTBEAT);
        let catalog = catalog.into();
        Self { listen, data_dir, catalog, authenticator, limits, clock, random, store, heartbeat }
    }
}

/// Why a server did not start.
#[derive(Debug)]
pub enum StartError {
    /// A limit is none that `[limits]` could set.
    Limits(String),
    /// The store could not be opened.
    Store(OpenError),
    /// The address could not be bound.
    Listen(String, std::io::Error),
    /// The descriptors can't be kept in the store.
    Descriptors(String),
    /// The descriptors can't be offered for reflection.
    Reflection(String),
}

/// A server that runs.
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    store: Arc<EmbeddedStore>,
    health: tonic_health::server::HealthReporter,
}

/// Starts a server.
///
/// # Errors
/// When a limit can't be, its store can't be opened or an address can't be bound.
pub async fn start(settings: Settings) -> Result<Running, StartError> {
    settings.limits.check().map_err(StartError::Limits)?;
    let live = Arc::new(Live::new(settings.limits.hot_bytes_max as u64));
    let observer: Arc<dyn Observer> = live.clone();
    let clock = settings.clock.clone();
    let bytes_max = settings.limits.store_bytes_max.or(settings.store.bytes_max);
    let options = EmbeddedOptions { bytes_max, ..settings.store.clone() };
    let opened = EmbeddedStore::open(&settings.data_dir, clock, observer, options);
    let embedded = Arc::new(opened.map_err(StartError::Store)?);
    let running = start_over(embedded.clone(), live, settings);
    let (address, stop, tasks, health) = running.await?;
    Ok(Running { address, stop, tasks, store: embedded, health })
}

type Parts = (SocketAddr, watch::Sender<bool>, JoinSet<()>, tonic_health::server::HealthReporter);

async fn start_over(
    store: Arc<dyn Store>,
    live: Arc<Live>,
    settings: Settings,
) -> Result<Parts, StartError> {
    let Settings { listen, authenticator, limits, random, heartbeat, .. } = settings;
    let catalog = settings.catalog;
    seed_pace(&*store, &live, &catalog).await;
    let (stop, draining) = watch::channel(false);
    let bind = async |address: &str| {
        let refuse = |error| StartError::Listen(address.to_owned(), error);
        TcpListener::bind(address).await.map_err(refuse)
    };
    let main = bind(&listen.to_string()).await?;
    let address =
        main.local_addr().map_err(|error| StartError::Listen(listen.to_string(), error))?;
    let mut sockets = vec![(main, None)];
    for service in catalog.services() {
        for extra in service.listen() {
            sockets.push((bind(&extra.to_string()).await?, Some(service.name.clone())));
        }
    }

    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status("", tonic_health::ServingStatus::Serving).await;
    let reflection =
        |error: tonic_reflection::server::Error| StartError::Reflection(error.to_string());
    let descriptors = catalog.union_pool().encode_to_vec();
    let v1 = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(&descriptors)
        .build_v1()
        .map_err(reflection)?;
    let v1alpha = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(&descriptors)
        .build_v1alpha()
        .map_err(reflection)?;
    let tonic =
        tonic::service::Routes::new(health_service).add_service(v1).add_service(v1alpha).prepare();

    let pools = Pools::open(&catalog, store.clone()).await;
    let pools = pools.map_err(|error| StartError::Descriptors(error.to_string()))?;
    let guard = authenticator.is_open().then(|| Guard {
        hosts: catalog.services().flat_map(|service| service.hosts.clone()).collect(),
    });
    let entry = Arc::new(Entry {
        backend: catalog.backend().clone(),
        api: Arc::new(Api {
            catalog,
            store: store.clone(),
            live,
            pools,
            random: random.clone(),
            limits: crate::service::Limits {
                operation_bytes_max: limits.operation_bytes_max,
                message_bytes_max: limits.message_bytes_max,
                page_size_max: limits.page_size_max,
                heartbeat,
                list_scan_max: limits.list_scan_max,
                store_rows_max: limits.store_rows_max,
                filter_bytes_max: limits.filter_bytes_max,
            },
            strays: Strays::default(),
            draining: draining.clone(),
        }),
        authenticator,
        guard,
        rate: RateLimit::new(limits.requests_per_second, limits.burst),
        memory: Semaphore::new(limits.bodies_bytes_max.min(Semaphore::MAX_PERMITS)),
        limits,
        tonic,
        traces: TraceIds::new(&*random),
        draining: draining.clone(),
    });

    let mut tasks = JoinSet::new();
    let api = entry.api.clone();
    let stamp = move |record: &Record, change| api.stamped(record, change);
    tasks.spawn(Reaper::new(store, Arc::new(stamp)).run(draining.clone()));
    tasks.spawn(look_out(entry.api.clone(), draining.clone()));
    tasks.spawn(forget_idle(entry.clone(), draining));
    let places = Arc::new(Semaphore::new(entry.limits.connections_max.min(Semaphore::MAX_PERMITS)));
    for (socket, bound) in sockets {
        let listener = Listener { socket, bound, places: places.clone() };
        tasks.spawn(serve(listener, entry.clone()));
    }
    Ok((address, stop, tasks, health))
}

/// The newest records of each service that tell, before the first commit, how long its
/// methods take.
const SEEDS: usize = 100;
/// Bytes of their payloads.
const SEED_BYTES_MAX: usize = 1 << 20;

/// Learns from what finished before the start. Bounded by the number of records looked at,
/// not of successes found: a start takes no longer for a large store.
async fn seed_pace(store: &dyn Store, live: &Live, catalog: &Catalog) {
    for service in catalog.services() {
        let query = ListQuery {
            service: Some(service.name.clone()),
            parent: None,
            owner: None,
            hidden: true,
            filter: Filter::default(),
            order: Order::NewestFirst,
            after: None,
            limit: SEEDS,
            bytes_max: SEED_BYTES_MAX,
            rows_max: SEEDS,
        };
        match store.list(query).await {
            Ok(listed) => {
                listed.records.iter().rev().for_each(|record| live.pace().learn(record));
            }
            Err(error) => tracing::warn!(%error, "could not read how long methods took"),
        }
    }
}

/// Keeps the table of principals as small as those who call.
async fn forget_idle(entry: Arc<Entry>, mut draining: watch::Receiver<bool>) {
    const INTERVAL: Duration = Duration::from_secs(60);
    while tokio::time::timeout(INTERVAL, draining.wait_for(|stop| *stop)).await.is_err() {
        entry.rate.forget_idle();
    }
}

/// Says in the log which work waits while no worker asks for it.
async fn look_out(api: Arc<Api>, mut draining: watch::Receiver<bool>) {
    const INTERVAL: Duration = Duration::from_secs(10);
    let mut lookout = Lookout::default();
    while tokio::time::timeout(INTERVAL, draining.wait_for(|stop| *stop)).await.is_err() {
        if let Err(error) = lookout.look(&*api.store, api.live.lease_calls()).await {
            tracing::error!(%error, "could not look for work that waits");
        }
    }
}

impl Running {
    /// Where it listens, with the port that the system chose.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops: not ready at once, waiting calls answer with the current state, requests
    /// under way are answered (for at most `drain_timeout`), then the store is closed.
    pub async fn shutdown(mut self) {
        self.health.set_service_status("", tonic_health::ServingStatus::NotServing).await;
        // Nobody listens any more if every task has ended, which is as good.
        let _ = self.stop.send(true);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap_or_else(|error| tracing::error!(%error, "a part of the server failed"));
        }
        self.store.close();
    }

    /// Returns if a part of the server fails, as none should: without its reaper, say, no lease
    /// runs out. It is for the caller to [stop](Self::shutdown) it then.
    pub async fn failed(&mut self) {
        // Before the stop no part ends otherwise.
        if let Some(Err(error)) = self.tasks.join_next().await {
            tracing::error!(%error, "a part of the server failed");
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limits(error) => write!(f, "[limits]: {error}"),
            Self::Store(error) => write!(f, "{error}"),
            Self::Listen(address, error) => write!(f, "can't listen on {address}: {error}"),
            Self::Descriptors(error) => write!(f, "can't keep the descriptors: {error}"),
            Self::Reflection(error) => write!(f, "can't offer reflection: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Sources;

    fn settings(dir: &tempfile::TempDir, limits: Limits) -> Settings {
        let catalog = Catalog::load(&Sources::default()).unwrap();
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Settings::new(listen, dir.path().to_owned(), catalog, Authenticator::open(), limits)
    }

    #[tokio::test]
    async fn a_part_that_fails_is_told_of() {
        let dir = tempfile::tempdir().unwrap();
        let mut running = start(settings(&dir, Limits::default())).await.unwrap();
        assert!(futures::FutureExt::now_or_never(running.failed()).is_none());
        running.tasks.spawn(async { panic!("on purpose") });
        running.failed().await;
        running.shutdown().await;
    }

    #[tokio::test]
    async fn limits_that_no_file_could_set_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits { answers_max: 0, ..Limits::default() };
        let error = start(settings(&dir, limits)).await.err().unwrap().to_string();
        assert!(error.starts_with("[limits]: ") && error.contains("answers_max"), "{error}");
    }
}
