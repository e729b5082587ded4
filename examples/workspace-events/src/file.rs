//! Subscriptions on disk, in protobuf.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use longrun_client::{Code, Retry, WorkError};
use prost::Message as _;

use crate::Refusal;
use crate::subscriptions::Subscriptions;

/// A file that is written with every change.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    kept: Mutex<Subscriptions>,
}

impl File {
    /// Reads the file; one that isn't there yet has no subscriptions.
    ///
    /// # Errors
    /// When it can't be read, or holds something else.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let kept = Subscriptions::decode(&*bytes)
            .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        Ok(Self { path, kept: Mutex::new(kept) })
    }

    /// Lets `decide` change the subscriptions, and keeps what it made of them. What is refused
    /// changes nothing; what can't be written may be tried again.
    pub(crate) fn change<T>(
        &self,
        decide: impl FnOnce(&mut Subscriptions) -> Result<T, Refusal>,
    ) -> Result<T, WorkError> {
        // Whoever panicked has left it whole: only what is on disk gets in.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = kept.clone();
        let answer = decide(&mut changed)?;
        if changed != *kept {
            write(&self.path, &changed).map_err(|error| {
                let message = format!("{}: {error}", self.path.display());
                Retry::new(Code::Unavailable, message)
            })?;
            *kept = changed;
        }
        Ok(answer)
    }
}

/// The whole content or, after a crash, the former one.
fn write(path: &Path, subscriptions: &Subscriptions) -> io::Result<()> {
    let next = path.with_extension("next");
    let mut file = fs::File::create(&next)?;
    file.write_all(&subscriptions.encode_to_vec())?;
    file.sync_all()?;
    fs::rename(next, path)?;
    // The new name is on disk once its folder is.
    path.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::Subscription;

    fn names(file: &File) -> Vec<String> {
        let list =
            |all: &mut Subscriptions| Ok(all.list.iter().map(|one| one.name.clone()).collect());
        file.change(list).unwrap()
    }

    fn add(file: &File, name: &str) -> Result<(), WorkError> {
        file.change(|all| {
            all.list.push(Subscription { name: name.to_owned(), ..Subscription::default() });
            if name == "refused" { Err(Refusal::not_found(name)) } else { Ok(()) }
        })
    }

    #[test]
    fn what_was_decided_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("subscriptions.binpb");
        let file = File::open(&path).unwrap();
        assert_eq!((names(&file), path.exists()), (vec![], false));
        add(&file, "subscriptions/a").unwrap();
        let WorkError::Rejected(_) = add(&file, "refused").unwrap_err() else {
            panic!("it may not")
        };
        assert_eq!(names(&File::open(&path).unwrap()), ["subscriptions/a"]);

        std::fs::write(&path, [0xff]).unwrap();
        assert_eq!(File::open(&path).unwrap_err().kind(), ErrorKind::InvalidData);
    }

    #[test]
    fn what_cannot_be_written_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::open(folder.path().join("gone/subscriptions.binpb")).unwrap();
        let WorkError::Retry(_) = add(&file, "subscriptions/a").unwrap_err() else {
            panic!("it may pass")
        };
        assert_eq!(names(&file), [""; 0]);
    }
}
