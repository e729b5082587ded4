//! Longrun as a library: a server for `google.longrunning.Operations` and for the methods
//! that return an Operation.

pub mod clock;
pub mod operation;
pub mod store;
