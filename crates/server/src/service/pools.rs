//! Descriptors by digest. A record remembers the descriptor sets that its payloads were
//! checked against, and the store keeps them, so that JSON can say a payload whose type the
//! service no longer has, or has changed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use longrun_transcoding::Fallback;
use prost::Message as _;
use prost_reflect::DescriptorPool;
use prost_types::FileDescriptorSet;

use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::operation::{Digest, Record};
use crate::store::{Store, StoreError};

/// Sets of former servers that are held in memory.
const KEPT_MAX: usize = 8;

/// The descriptor sets in use.
pub(crate) struct Pools {
    store: Arc<dyn Store>,
    /// Each service's own.
    current: HashMap<String, Digest>,
    loaded: HashMap<Digest, DescriptorPool>,
    /// Those of former servers, the last used at the end.
    kept: Mutex<Vec<(Digest, DescriptorPool)>>,
}

/// The sets that a reply's payloads were checked against, where the service's own may not
/// be able to read them.
#[derive(Debug, Default)]
pub(crate) enum Kept {
    /// The service's own will do.
    #[default]
    None,
    /// One record's.
    One(Vec<Digest>),
    /// Those of each record of a list.
    Each(Vec<Vec<Digest>>),
}

/// The same, loaded.
pub(crate) enum KeptPools {
    None,
    One(Vec<DescriptorPool>),
    Each(Vec<Vec<DescriptorPool>>),
}

impl KeptPools {
    /// Where to look for types.
    pub(crate) fn fallback(&self) -> Fallback<'_> {
        match self {
            Self::None => Fallback::None,
            Self::One(pools) => Fallback::Pools(pools),
            Self::Each(each) => Fallback::Elements(each),
        }
    }
}

impl Pools {
    /// Keeps the catalog's descriptor sets in the store, which drops those that nobody needs.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn open(
        catalog: &Catalog,
        store: Arc<dyn Store>,
    ) -> std::result::Result<Self, StoreError> {
        let (pools, sets) = Self::of(catalog, store);
        pools.store.keep_descriptors(sets).await?;
        Ok(pools)
    }

    /// The catalog's descriptor sets, and what the store is to keep of them.
    pub(super) fn of(catalog: &Catalog, store: Arc<dyn Store>) -> (Self, Vec<(Digest, Bytes)>) {
        let (mut current, mut loaded) = (HashMap::new(), HashMap::new());
        let mut sets = Vec::new();
        // Many services may share one set.
        let mut seen: Vec<(DescriptorPool, Digest)> = Vec::new();
        for service in catalog.services() {
            let known = seen.iter().find(|(pool, _)| pool == service.pool());
            let digest = match known {
                Some((_, digest)) => *digest,
                None => {
                    let bytes = encode(service.pool());
                    let digest = Digest::of(&[&bytes]);
                    seen.push((service.pool().clone(), digest));
                    if let Entry::Vacant(place) = loaded.entry(digest) {
                        place.insert(service.pool().clone());
                        sets.push((digest, bytes.into()));
                    }
                    digest
                }
            };
            current.insert(service.name.clone(), digest);
        }
        (Self { store, current, loaded, kept: Mutex::default() }, sets)
    }

    /// The set that a service's payloads are checked against now.
    pub(crate) fn current(&self, service: &str) -> Option<Digest> {
        self.current.get(service).copied()
    }

    /// The sets of a record that are no longer its service's.
    pub(crate) fn kept(&self, record: &Record) -> Kept {
        match self.former(record) {
            digests if digests.is_empty() => Kept::None,
            digests => Kept::One(digests),
        }
    }

    /// Those of each record of a list of one service's.
    pub(crate) fn kept_each<'a>(&self, records: impl Iterator<Item = &'a Record>) -> Kept {
        Self::each(records.map(|record| self.former(record)).collect())
    }

    /// Of a list's records, what each needs.
    pub(crate) fn each(each: Vec<Vec<Digest>>) -> Kept {
        if each.iter().all(Vec::is_empty) { Kept::None } else { Kept::Each(each) }
    }

    /// What a record needs in a list of all services, which is printed by what they have
    /// together: of two files with one name that has only one.
    pub(crate) fn among_all(&self, record: &Record) -> Vec<Digest> {
        let own = self.current(&record.name.service).filter(|_| self.loaded.len() > 1);
        own.into_iter().chain(self.former(record)).collect()
    }

    /// The sets of a record that are no longer its service's.
    pub(crate) fn former(&self, record: &Record) -> Vec<Digest> {
        let current = self.current(&record.name.service);
        record.descriptors.iter().filter(|one| Some(**one) != current).copied().collect()
    }

    /// What a reply needs to be printed.
    ///
    /// # Errors
    /// `UNAVAILABLE`.
    pub(crate) async fn load(&self, kept: &Kept) -> Result<KeptPools> {
        Ok(match kept {
            Kept::None => KeptPools::None,
            Kept::One(digests) => KeptPools::One(self.all(digests).await?),
            Kept::Each(each) => {
                let mut pools = Vec::with_capacity(each.len());
                for digests in each {
                    pools.push(self.all(digests).await?);
                }
                KeptPools::Each(pools)
            }
        })
    }

    async fn all(&self, digests: &[Digest]) -> Result<Vec<DescriptorPool>> {
        let mut pools = Vec::with_capacity(digests.len());
        for digest in digests {
            pools.extend(self.pool(*digest).await?);
        }
        Ok(pools)
    }

    async fn pool(&self, digest: Digest) -> Result<Option<DescriptorPool>> {
        if let Some(pool) = self.loaded.get(&digest) {
            return Ok(Some(pool.clone()));
        }
        if let Some(pool) = self.remembered(digest) {
            return Ok(Some(pool));
        }
        let found = self.store.descriptors(digest).await;
        let found = found.map_err(|error| Error::unavailable(Box::new(error)))?;
        let Some(bytes) = found else { return Ok(None) };
        let decode = move || DescriptorPool::decode(bytes);
        let pool = tokio::task::spawn_blocking(decode).await.map_err(Error::internal)?;
        let pool = pool.map_err(Error::internal)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT_MAX {
            kept.remove(0);
        }
        kept.push((digest, pool.clone()));
        Ok(Some(pool))
    }

    fn remembered(&self, digest: Digest) -> Option<DescriptorPool> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(known, _)| *known == digest)?;
        let found = kept.remove(place);
        kept.push(found.clone());
        Some(found.1)
    }
}

/// A pool as a `FileDescriptorSet`, without comments: those change nothing.
fn encode(pool: &DescriptorPool) -> Vec<u8> {
    let bare = |file: &prost_types::FileDescriptorProto| prost_types::FileDescriptorProto {
        source_code_info: None,
        ..file.clone()
    };
    FileDescriptorSet { file: pool.file_descriptor_protos().map(bare).collect() }.encode_to_vec()
}
