//! Where things are when nobody says: the data folder and the lists of the environment.

use std::env;
use std::path::PathBuf;

/// Where records and the token are kept by default: `$XDG_STATE_HOME/longrun`, else
/// `~/.local/state/longrun`. The same from every working folder, so that `longrun
/// operations` finds the token of `longrun serve`; `./longrun-data` only without a home.
pub(crate) fn data_dir() -> PathBuf {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".local/state")))
        .map_or_else(|| PathBuf::from("longrun-data"), |state| state.join("longrun"))
}

/// What a repeatable flag says, or else its variable, a list separated as `PATH` is.
pub(crate) fn flags_or_env<T: Clone + From<PathBuf>>(flags: &[T], variable: &str) -> Vec<T> {
    if !flags.is_empty() {
        return flags.to_vec();
    }
    let Some(list) = env::var_os(variable) else { return Vec::new() };
    let parts = env::split_paths(&list).filter(|part| !part.as_os_str().is_empty());
    parts.map(T::from).collect()
}
