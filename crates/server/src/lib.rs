//! Longrun as a library: a server for `google.longrunning.Operations` and for the methods
//! that return an Operation.
//!
//! [`start`] takes [`Settings`] and gives a [`Running`] server.

pub mod auth;
pub mod catalog;
pub mod clock;
pub mod config;
pub mod error;
pub mod folder;
mod live;
pub mod operation;
mod pace;
mod reaper;
mod reason;
mod server;
mod service;
#[cfg(test)]
mod simulation;
pub mod store;
mod transport;
mod unattended;
mod wire;

pub use server::{Running, Settings, StartError, start};
