//! The listener and its two doors. Doors translate; they never decide.

mod body;
mod connection;
mod entry;
mod grpc;
mod io;
mod limit;
mod listener;
mod rest;
mod trace;

pub(crate) use entry::{Entry, Guard};
pub(crate) use limit::RateLimit;
pub(crate) use listener::{Listener, serve};
pub(crate) use trace::TraceIds;
