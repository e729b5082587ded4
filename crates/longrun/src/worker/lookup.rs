//! Whether a command can be run at all: the shell that runs it says so only once it has work.

use std::env;
use std::ffi::OsStr;
use std::path::Path;

use rustix::fs::{Access, access};

/// Looks a command up as `sh` does: by its path, or along `PATH`.
///
/// # Errors
/// When there is none, or none that may be executed; says which.
pub(super) fn check(command: &str) -> Result<(), String> {
    check_along(command, env::var_os("PATH").as_deref())
}

fn check_along(command: &str, path: Option<&OsStr>) -> Result<(), String> {
    if command.contains('/') {
        return match Path::new(command) {
            file if executable(file) => Ok(()),
            file if file.exists() => Err(format!("the command {command} isn't executable")),
            _ => Err(format!("the command {command} doesn't exist")),
        };
    }
    // Without a PATH, the shell has one of its own.
    let Some(path) = path else { return Ok(()) };
    match env::split_paths(path).any(|folder| executable(&folder.join(command))) {
        true => Ok(()),
        false => Err(format!("the command {command} isn't found in PATH, or isn't executable")),
    }
}

fn executable(file: &Path) -> bool {
    file.is_file() && access(file, Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_what_can_be_executed_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, mode| {
            let file = folder.path().join(name);
            fs::write(&file, "").unwrap();
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            file.to_str().unwrap().to_owned()
        };
        let (tool, text) = (file("tool", 0o755), file("text", 0o644));
        let path = env::join_paths([Path::new("/nowhere"), folder.path()]).unwrap();
        let check = |command: &str| check_along(command, Some(&path));
        assert_eq!((check(&tool), check("tool")), (Ok(()), Ok(())));
        assert_eq!(check(&text), Err(format!("the command {text} isn't executable")));
        let folder = folder.path().to_str().unwrap();
        assert_eq!(check(folder), Err(format!("the command {folder} isn't executable")));
        assert_eq!(check("./typo.sh"), Err("the command ./typo.sh doesn't exist".to_owned()));
        for absent in ["text", "typo"] {
            let what = format!("the command {absent} isn't found in PATH, or isn't executable");
            assert_eq!(check(absent), Err(what));
        }
    }
}
