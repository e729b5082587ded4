//! The program from outside.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

#[cfg(unix)]
mod worker;
