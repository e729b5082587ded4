//! The server from outside: both doors, whole exchanges, real protos.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod claims;
mod exchanges;
mod gone;
mod google_protos;
mod harness;
mod parity;
mod scenes;
mod upgrade;
