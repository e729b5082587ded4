//! Anys whose types the message's own descriptors don't give, or have changed.

use longrun_transcoding::{Fallback, PrintError, parse, print_with};
use prost_reflect::{DescriptorPool, DynamicMessage};
use protox::file::{File, FileResolver, GoogleFileResolver};

use super::COMPACT;

/// The one file of a pool.
struct Text(String);

impl FileResolver for Text {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match name {
            "t.proto" => File::from_source(name, &self.0),
            _ => GoogleFileResolver::new().open_file(name),
        }
    }
}

/// A pool with `t.List`, `t.Outer` and what else is declared.
fn pool(messages: &str) -> DescriptorPool {
    let text = format!(
        "syntax = \"proto3\"; package t; import \"google/protobuf/any.proto\"; \
         message List {{ google.protobuf.Any one = 1; repeated google.protobuf.Any many = 2; }} \
         message Outer {{ google.protobuf.Any inner = 1; }} {messages}"
    );
    let mut compiler = protox::Compiler::with_file_resolver(Text(text));
    compiler.include_imports(true).open_file("t.proto").expect("it compiles");
    compiler.descriptor_pool()
}

fn list(pool: &DescriptorPool, json: &str) -> Vec<u8> {
    let descriptor = pool.get_message_by_name("t.List").expect("it has one");
    prost::Message::encode_to_vec(&parse(json.as_bytes(), &descriptor).expect(json))
}

fn shown(
    pool: &DescriptorPool,
    bytes: &[u8],
    fallback: Fallback<'_>,
) -> Result<String, PrintError> {
    let descriptor = pool.get_message_by_name("t.List").expect("it has one");
    let message = DynamicMessage::decode(descriptor, bytes).expect("it is one");
    print_with(&message, &COMPACT, fallback)
        .map(|bytes| String::from_utf8(bytes).expect("JSON is UTF-8"))
}

#[test]
fn the_messages_own_descriptors_come_first_then_the_others() {
    let new = pool("message A { int32 b = 1; }");
    let old = pool("message A { int32 a = 1; } message Gone { int32 x = 1; }");
    let other = pool("message A { string text = 1; } message Other { int32 y = 1; }");
    let any = |name: &str, rest: &str| format!(r#"{{"@type":"x/t.{name}",{rest}}}"#);
    let one = |any: &str| format!(r#"{{"one":{any}}}"#);
    let pools = [old.clone(), other.clone()];
    let table = [
        (&old, any("A", r#""a":1"#), Ok(any("A", r#""b":1"#))),
        (&old, any("Gone", r#""x":1"#), Ok(any("Gone", r#""x":1"#))),
        (&other, any("A", r#""text":"t""#), Ok(any("A", r#""text":"t""#))),
        (&other, any("Other", r#""y":1"#), Ok(any("Other", r#""y":1"#))),
        (
            &old,
            any("Outer", &format!(r#""inner":{}"#, any("Gone", r#""x":1"#))),
            Ok(any("Outer", &format!(r#""inner":{}"#, any("Gone", r#""x":1"#)))),
        ),
    ];
    for (written_by, json, expected) in table {
        let bytes = list(written_by, &one(&json));
        let found = shown(&new, &bytes, Fallback::Pools(&pools));
        assert_eq!(found, expected.map(|any: String| one(&any)), "{json}");
    }
    let bytes = list(&old, &one(&any("Gone", r#""x":1"#)));
    let unknown = Err(PrintError::UnknownType("x/t.Gone".to_owned()));
    assert_eq!(shown(&new, &bytes, Fallback::None), unknown);
    let bytes = list(&other, &one(&any("A", r#""text":"t""#)));
    let bad = Err(PrintError::BadBytes("x/t.A".to_owned()));
    assert_eq!(shown(&new, &bytes, Fallback::Pools(&[old])), bad);
}

#[test]
fn each_element_of_a_list_has_its_own() {
    let new = pool("");
    let pools = [
        vec![pool("message A { int32 first = 1; }")],
        vec![],
        vec![pool("message A { int32 second = 1; }")],
    ];
    let bytes = list(
        &pools[0][0],
        r#"{"many":[{"@type":"x/t.A","first":1},{"@type":"x/t.Outer"},{"@type":"x/t.A","first":1}]}"#,
    );
    let expected = r#"{"many":[{"@type":"x/t.A","first":1},{"@type":"x/t.Outer"},{"@type":"x/t.A","second":1}]}"#;
    assert_eq!(shown(&new, &bytes, Fallback::Elements(&pools)), Ok(expected.to_owned()));
}
