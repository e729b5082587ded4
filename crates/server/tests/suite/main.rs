//! The server from outside: both doors, whole exchanges, real protos.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod claims;
mod codec;
mod errors_page;
mod exchanges;
mod filters;
mod forms;
mod gone;
mod google_lros;
mod google_protos;
mod harness;
mod lease;
mod limits;
mod lro;
mod made;
mod parity;
mod scenes;
mod still;
mod two_services;
mod upgrade;
mod versions;
mod wait;
mod watch;
mod watch_forms;
mod workspace_events;
