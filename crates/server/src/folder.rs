//! Folders that are nobody else's to look into.

use std::fs::DirBuilder;
use std::io;
use std::path::Path;

/// Makes a folder, and those above it that aren't there, for their owner alone. One that is there
/// stays as it is.
///
/// # Errors
/// When it can't be made.
pub fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
