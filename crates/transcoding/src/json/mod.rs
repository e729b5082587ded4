//! Proto3 JSON, exactly: the mapping of the protobuf documentation, with `Any` read and
//! printed through the message's own descriptor pool.

mod known;
mod mask;
mod parse;
mod path;
mod print;
mod scalar;
mod time;
mod tree;

pub(crate) use known::{has_special_form, is_wrapper, out_of_range};
pub use parse::parse;
pub(crate) use parse::{LEVELS_MAX, MESSAGES_MAX, Reader, takes_null};
pub(crate) use path::Path;
pub use print::{Fallback, PrintError, PrintOptions, key_text, print, print_with};
pub(crate) use print::{Mask, selected};
pub use tree::DEPTH_MAX;
pub(crate) use tree::Tree;
