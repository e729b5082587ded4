//! The token of a server without auth configuration: the text of `DATA_DIR/token`.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::Secret;
use crate::clock::Random;

/// Its name in the data folder.
pub const TOKEN_FILE: &str = "token";

/// How the name of a token begins that isn't in its place yet.
const DRAFT: &str = "token.";

/// Why there is no token.
#[derive(Debug)]
pub struct TokenFileError {
    path: PathBuf,
    source: io::Error,
}

/// The token in the data folder; made, readable by its owner alone, if there is none.
///
/// # Errors
/// When the file can't be read or made, or is empty.
pub fn local_token(data_dir: &Path, random: &dyn Random) -> Result<Secret, TokenFileError> {
    let path = data_dir.join(TOKEN_FILE);
    let found = match read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create(data_dir, &path, random).and_then(|()| read(&path))
        }
        found => found,
    };
    if found.is_ok() {
        sweep(data_dir);
    }
    found.map_err(|source| TokenFileError { path, source })
}

fn read(path: &Path) -> io::Result<Secret> {
    let text = fs::read_to_string(path)?;
    match text.trim() {
        "" => Err(io::Error::new(io::ErrorKind::InvalidData, "it is empty; remove it")),
        token => {
            warn_if_shared(path);
            Ok(Secret::new(token))
        }
    }
}

/// Whole or not at all: the link appears after the text is on disk, and when two start at
/// once the later link fails, so that both read the same token.
fn create(data_dir: &Path, path: &Path, random: &dyn Random) -> io::Result<()> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut token = [0; 32];
    random.fill(&mut token);
    let mut suffix = [0; 8];
    random.fill(&mut suffix);
    let draft = data_dir.join(format!("{DRAFT}{}", hex(&suffix)));
    let linked = write_private(&draft, &hex(&token)).and_then(|()| fs::hard_link(&draft, path));
    // Whoever found a token has swept the draft away, before or after it was linked.
    let removed = fs::remove_file(&draft);
    if !path.exists() {
        linked.and(removed)?;
    }
    File::open(data_dir)?.sync_all()
}

/// Removes drafts of starts that were killed. There is a token by now: nobody needs one.
fn sweep(data_dir: &Path) {
    for entry in fs::read_dir(data_dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let suffix = name.to_str().and_then(|name| name.strip_prefix(DRAFT));
        if suffix.is_some_and(|hex| hex.len() == 16 && hex.bytes().all(|c| c.is_ascii_hexdigit())) {
            // What can't be removed does no harm.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

/// Only a warning: a volume that its platform makes group-readable has to start again too.
fn warn_if_shared(path: &Path) {
    #[cfg(unix)]
    if let Ok(metadata) = fs::metadata(path) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        if mode & 0o077 != 0 {
            tracing::warn!(path = %path.display(), "the token can be read by others; chmod 600");
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

impl fmt::Display for TokenFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the token in {}: {}", self.path.display(), self.source)
    }
}

impl std::error::Error for TokenFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;

    #[test]
    fn made_once_for_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let first = local_token(dir.path(), &SystemRandom).unwrap();
        assert_eq!(first.reveal().len(), 64);
        assert_eq!(local_token(dir.path(), &SystemRandom).unwrap(), first);
        let names: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, [TOKEN_FILE]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(dir.path().join(TOKEN_FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn drafts_of_killed_starts_are_swept_away() {
        let dir = tempfile::tempdir().unwrap();
        let names = ["token.0123456789abcdef", "token.d", "token.0123456789abcdeg", "token.backup"];
        for before in [vec![], vec![TOKEN_FILE]] {
            for name in before.iter().chain(&names) {
                fs::write(dir.path().join(name), "x").unwrap();
            }
            local_token(dir.path(), &SystemRandom).unwrap();
            let mut left: Vec<_> =
                fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
            left.sort_unstable();
            assert_eq!(left, ["token", "token.0123456789abcdeg", "token.backup", "token.d"]);
        }
    }

    #[test]
    fn starters_at_once_agree() {
        let dir = tempfile::tempdir().unwrap();
        let start = || local_token(dir.path(), &SystemRandom).unwrap().reveal().to_owned();
        let tokens: Vec<_> = std::thread::scope(|scope| {
            let starters: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            starters.into_iter().map(|starter| starter.join().unwrap()).collect()
        });
        assert!(tokens.iter().all(|token| *token == tokens[0]));
    }

    #[test]
    fn says_what_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(TOKEN_FILE), "\n").unwrap();
        let error = local_token(dir.path(), &SystemRandom).unwrap_err().to_string();
        assert!(error.contains("token: it is empty"), "{error}");
        assert!(local_token(&dir.path().join("absent"), &SystemRandom).is_err());
    }
}
