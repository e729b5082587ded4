//! Every limit crossed, and hostile input of every kind: what it is told, and what it costs.

mod hostile;
mod memory;
mod process;
mod requests;
mod sizes;
mod times;
pub mod wires;
mod work;
