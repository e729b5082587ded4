//! Connections that read beside the writer, each of them for one query at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{OpenError, closed, locked, open};
use crate::store::StoreError;

pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn open(dir: &Path, count: usize) -> Result<Self, OpenError> {
        let idle = (0..count).map(|_| open::reader(dir)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { idle: Arc::new(Mutex::new(idle)), places: Arc::new(Semaphore::new(count)) })
    }

    /// Later reads answer [`StoreError::Unavailable`].
    pub(super) fn close(&self) {
        self.places.close();
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let unavailable = |error| StoreError::Unavailable(error);
        let place = self.places.clone().acquire_owned().await.map_err(|_| closed())?;
        let idle = self.idle.clone();
        let read = tokio::task::spawn_blocking(move || {
            let connection = locked(&idle).pop().expect("as many places as connections");
            let result = catch_unwind(AssertUnwindSafe(|| query(&connection)));
            locked(&idle).push(connection);
            drop(place);
            result
        });
        match read.await {
            Ok(Ok(result)) => result.map_err(|error| unavailable(Box::new(error))),
            Ok(Err(_)) => Err(unavailable("a read panicked".into())),
            Err(error) => Err(unavailable(Box::new(error))),
        }
    }
}
