//! Whether there is room for new records. What is there can always be finished and deleted:
//! the floor leaves room for that.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use crate::store::Full;

/// A disk's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What may still be written.
    pub free: u64,
    /// What is written, and what may still be: what the system reserves for itself is neither.
    pub total: u64,
}

/// The disk that the store is on.
pub trait Disk: Send + Sync + 'static {
    /// The space of the disk that has a folder.
    ///
    /// # Errors
    /// The system's.
    fn space(&self, dir: &Path) -> std::io::Result<Space>;
}

/// The machine's disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    #[cfg(unix)]
    fn space(&self, dir: &Path) -> std::io::Result<Space> {
        let found = rustix::fs::statvfs(dir)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        let used = found.f_blocks.saturating_sub(found.f_bfree);
        let total = used.saturating_add(found.f_bavail);
        Ok(Space { free: bytes(found.f_bavail), total: bytes(total) })
    }

    #[cfg(not(unix))]
    fn space(&self, _: &Path) -> std::io::Result<Space> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

/// No records are created below this share of the disk.
const FREE_PERCENT_MIN: u64 = 5;

/// What the store may grow to.
pub(super) struct Room {
    pub(super) dir: PathBuf,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) bytes_max: Option<u64>,
}

impl Room {
    /// Why no record can be added now, if none can: asks the disk.
    pub(super) fn full(&self, connection: &Connection) -> rusqlite::Result<Option<Full>> {
        let used = match self.bytes_max {
            Some(_) => used(connection)?,
            None => 0,
        };
        // A disk that doesn't say is not known to be full.
        Ok(judge(used, self.bytes_max, self.disk.space(&self.dir).ok()))
    }
}

fn judge(used: u64, bytes_max: Option<u64>, space: Option<Space>) -> Option<Full> {
    if let Some(limit_bytes) = bytes_max.filter(|max| used >= *max) {
        return Some(Full::Bytes { limit_bytes });
    }
    let short = |space: &Space| {
        u128::from(space.free) * 100 < u128::from(space.total) * u128::from(FREE_PERCENT_MIN)
    };
    space.filter(short).map(|_| Full::Disk { percent_min: FREE_PERCENT_MIN })
}

/// Bytes of the pages in use: what was deleted is free again though the file stays.
fn used(connection: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT (page_count - freelist_count) * page_size \
         FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    let bytes: i64 = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(bytes.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_full_at_its_limit_or_below_five_percent() {
        let space = |free, total| Some(Space { free, total });
        let bytes = Some(Full::Bytes { limit_bytes: 10 });
        let disk = Some(Full::Disk { percent_min: 5 });
        let table = [
            (9, Some(10), None, None),
            (10, Some(10), None, bytes),
            (11, Some(10), space(1, 100), bytes),
            (10, None, space(5, 100), None),
            (10, None, space(4, 100), disk),
            (9, Some(10), space(4, 100), disk),
            (0, None, space(0, 0), None),
            (0, None, space(u64::MAX, u64::MAX), None),
            (0, None, None, None),
        ];
        for (used, max, space, expected) in table {
            assert_eq!(judge(used, max, space), expected, "{used} {max:?} {space:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_machines_disk_has_a_size() {
        let dir = tempfile::tempdir().unwrap();
        let space = SystemDisk.space(dir.path()).unwrap();
        assert!(space.total > 0 && space.free <= space.total, "{space:?}");
        assert!(SystemDisk.space(&dir.path().join("missing")).is_err());
    }
}
