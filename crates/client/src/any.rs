//! Messages into an `Any` and out of it.

use prost::{Message, Name};
use prost_types::Any;

/// A message with its type's full name.
#[must_use]
pub fn pack<M: Message + Name>(message: &M) -> Any {
    Any {
        type_url: format!("type.googleapis.com/{}", M::full_name()),
        value: message.encode_to_vec(),
    }
}

/// The message in an `Any`, if it is of that type.
///
/// # Errors
/// A text that says what was found instead.
pub fn unpack<M: Message + Name + Default>(any: &Any) -> Result<M, String> {
    let found = any.type_url.rsplit('/').next().unwrap_or_default();
    let expected = M::full_name();
    if found != expected {
        return Err(format!("a `{found}`, not a `{expected}`"));
    }
    M::decode(&*any.value).map_err(|error| format!("no readable `{expected}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_apart() {
        let any = pack(&"hello".to_owned());
        assert_eq!(any.type_url, "type.googleapis.com/google.protobuf.StringValue");
        assert_eq!(unpack::<String>(&any).as_deref(), Ok("hello"));
        let other = unpack::<u32>(&any).unwrap_err();
        assert_eq!(other, "a `google.protobuf.StringValue`, not a `google.protobuf.UInt32Value`");
        let broken = Any { value: vec![0xff], ..any };
        assert!(unpack::<String>(&broken).is_err());
    }
}
