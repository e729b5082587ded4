//! The program from outside: its pipes, its signals, its logs, and what a `kill -9` leaves.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod admission;
mod cli;
mod crash;
mod http;
mod logs;
mod program;
mod server;
mod stop;
mod terminal;
mod tidy;
mod worker;
