use super::{check, payload, with};
use crate::operation::Record;
use crate::operation::samples::{at, record};

/// A value in every field.
pub(super) const FULL: &str = r#"{
    "flag": true, "small": -5, "large": "9007199254740993", "natural": 7,
    "huge": "18446744073709551615", "single": 0.1, "precise": 2.5, "text": "a.b *c",
    "raw": "+/8=", "color": "GREEN", "time": "2026-01-01T00:00:00.5Z", "span": "1.5s",
    "mask": "displayName,a.b", "wrapped": "7", "noted": "", "sure": false,
    "fields": {"s": "text", "n": 1.5, "b": true, "z": null, "o": {"k": "v"}, "l": [1, "two", {"k": 3}], "": "none"},
    "value": 3, "values": ["a", 1],
    "detail": {"@type": "type.googleapis.com/t.v1.Inner", "text": "in", "count": 3},
    "inner": {"text": "one", "next": {"text": "two", "next": {"count": 3}}},
    "numbers": [1, 42], "tags": ["red", "light blue"],
    "inners": [{"text": "x", "count": 1}, {"text": "y", "count": 2, "items": [{"text": "z"}]}],
    "colors": ["RED", "GREEN"], "times": ["2026-01-01T00:00:00Z"],
    "details": [
        {"@type": "type.googleapis.com/t.v1.Inner", "text": "in"},
        {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "3s"}
    ],
    "words": {"en": "hi", "a.b": "dot", "empty": ""}, "numbered": {"-1": {"text": "minus"}},
    "judged": {"true": "1"}, "maybe": 0, "left": 0, "camelCase": "c",
    "painted": {"wall": "RED"}
}"#;

#[test]
fn fields_compare_as_their_types() {
    let passing = [
        "metadata.flag=true",
        "metadata.flag:true",
        "metadata.flag!=false",
        "metadata.flag=\"true\"",
        "metadata.small=-5",
        "metadata.small<0",
        "metadata.small>-5.5",
        "metadata.small<=-5.0",
        "metadata.large=9007199254740993",
        "metadata.large>9007199254740992",
        "metadata.natural>=7",
        "metadata.huge=18446744073709551615",
        "metadata.huge<1e20",
        "metadata.single=0.1",
        "metadata.single<0.2",
        "metadata.precise=2.5",
        "metadata.precise=25e-1",
        "metadata.precise<Infinity",
        "metadata.precise!=NaN",
        "metadata.text='a.b *c'",
        "metadata.text=a.*",
        "metadata.text='*c'",
        "metadata.text!=a.b",
        r"metadata.text='a.b \*c'",
        "metadata.text>a",
        "metadata.text<b",
        "metadata.text!='*d'",
        "metadata.raw='+/8='",
        "metadata.raw=-_8",
        "metadata.raw!=AAAA",
        "metadata.color=GREEN",
        "metadata.color=2",
        "metadata.color!=RED",
        "metadata.time=2026-01-01T00:00:00.5Z",
        "metadata.time='2026-01-01T02:00:00.5+02:00'",
        "metadata.time<2026-01-01T00:00:00.500000001Z",
        "metadata.time>2025-12-31T23:59:59Z",
        "metadata.time.seconds>0",
        "metadata.span=1.5s",
        "metadata.span>1.499999999s",
        "metadata.span>-2s",
        "metadata.mask:display_name",
        "metadata.mask:a.b",
        "metadata.mask='display_name,a.b'",
        "metadata.mask.paths:a.b",
        "metadata.mask:disp*",
        "metadata.wrapped=7",
        "metadata.wrapped>6.5",
        "metadata.wrapped.value=7",
        "metadata.noted=''",
        "metadata.sure=false",
        "metadata.noted<a",
        "metadata.camel_case=c",
        "metadata.camelCase=c",
    ];
    let others = [
        "metadata.flag=false",
        "metadata.flag=1",
        "metadata.flag!=true",
        "metadata.flag!=1",
        "metadata.flag<true",
        "metadata.small=five",
        "metadata.small!=five",
        "metadata.small!=''",
        "metadata.small>-5",
        "metadata.large=9007199254740992",
        "metadata.single=0.1000000001e1",
        "metadata.single!=0.1",
        "metadata.precise=two",
        "metadata.precise!=two",
        "metadata.precise=NaN",
        "metadata.precise<NaN",
        "metadata.text=a.b",
        "metadata.text='A.B *C'",
        "metadata.text=*d",
        "metadata.text<'a*'",
        "metadata.raw=AAAA",
        "metadata.raw<zzzz",
        "metadata.color=green",
        "metadata.color!=green",
        "metadata.color=BLUE",
        "metadata.color!=BLUE",
        "metadata.color>RED",
        "metadata.color=3",
        "metadata.time=yesterday",
        "metadata.time!=yesterday",
        "metadata.time=1.5s",
        "metadata.time<2026-01-01T00:00:00Z",
        "metadata.span=90",
        "metadata.span!=90",
        "metadata.span=2026-01-01T00:00:00Z",
        "metadata.span<1s",
        "metadata.mask:displayName",
        "metadata.mask=a.b",
        "metadata.mask:c",
        "metadata.wrapped=8",
        "metadata.noted=x",
        "metadata.sure=true",
        // No type has these, or nothing under them.
        "metadata.none=1",
        "metadata.none!=1",
        "metadata.none:*",
        "metadata.text.x=1",
        "metadata.text.x!=1",
        "metadata.camelcase=c",
    ];
    check(&with(payload("t.v1.All", FULL)), &passing, &others);
}

#[test]
fn paths_lead_through_messages_maps_and_lists() {
    let passing = [
        "metadata.inner.text=one",
        "metadata.inner.next.text=two",
        "metadata.inner.next.next.count=3",
        // A field that can't be unset has its default.
        "metadata.inner.count=0",
        "metadata.inner.count<1",
        "metadata.inner.next.next.text=''",
        "metadata.numbers:42",
        "metadata.numbers:1",
        "metadata.tags:red",
        "metadata.tags:'light *'",
        "metadata.inners.text:y",
        "metadata.inners.count:2",
        "metadata.inners.items.text:z",
        "metadata.inners:text",
        "metadata.inners.items:*",
        "metadata.colors:RED",
        "metadata.colors:2",
        "metadata.times:2026-01-01T01:00:00+01:00",
        "metadata.words.en=hi",
        "metadata.words.en!=ho",
        "metadata.words:en",
        "metadata.words.\"a.b\"=dot",
        "metadata.words.empty=''",
        "metadata.words.empty:*",
        "metadata.words:e*",
        "metadata.words:*",
        "metadata.numbered.-1.text=minus",
        "metadata.numbered.\"-1\".text:*",
        "metadata.numbered:-1",
        "metadata.judged.true>0",
        "metadata.judged:true",
        "metadata.painted.wall=RED",
        "metadata.inner:text",
        "metadata:text",
        "metadata:camelCase",
    ];
    let others = [
        "metadata.inner.count!=0",
        "metadata.inner.count:*",
        "metadata.inner:count",
        "metadata.inner=one",
        // Where the way there isn't set, nothing compares.
        "metadata.inner.next.next.next.count=0",
        "metadata.inner.next.next.next.count!=0",
        "metadata.inner.next.next.next:*",
        "metadata.inner.detail.text=''",
        // A list only has.
        "metadata.numbers=42",
        "metadata.numbers!=5",
        "metadata.numbers>0",
        "metadata.numbers:5",
        "metadata.numbers.0=1",
        "metadata.inners.text=y",
        "metadata.inners.text!=q",
        "metadata.inners.0.text:x",
        "metadata.inners:items.text",
        "metadata.colors:BLUE",
        "metadata.words.fr=hi",
        "metadata.words.fr!=hi",
        "metadata.words.fr:*",
        "metadata.words:fr",
        "metadata.words=en",
        "metadata.words.en.x=1",
        "metadata.numbered.1.text!=x",
        "metadata.numbered.one.text!=x",
        "metadata.judged.false!=0",
        "metadata.painted.wall=GREEN",
    ];
    check(&with(payload("t.v1.All", FULL)), &passing, &others);
}

#[test]
fn what_is_set_is_there() {
    let full = with(payload("t.v1.All", FULL));
    let passing = [
        "metadata:*",
        "metadata.flag:*",
        "metadata.text:*",
        "metadata.inner:*",
        "metadata.numbers:*",
        "metadata.detail:*",
        "metadata.noted:*",
        "metadata.sure:*",
        "metadata.value:*",
        // Fields that tell unset from default.
        "metadata.maybe:*",
        "metadata.maybe=0",
        "metadata.left:*",
        "metadata.left=0",
    ];
    check(&full, &passing, &["metadata.right:*", "metadata.right=''", "metadata.right!=x"]);
    let empty = with(payload("t.v1.All", "{}"));
    let passing = [
        "metadata:*",
        "metadata.@type:*",
        "metadata.flag=false",
        "metadata.small=0",
        "metadata.text=''",
        "metadata.color=COLOR_UNSPECIFIED",
        "metadata.raw=''",
        "NOT metadata.flag:*",
        "NOT metadata.inner.text=x",
        "-metadata.inner.text!=x",
    ];
    let others = [
        "metadata.flag:*",
        "metadata.small:*",
        "metadata.color:*",
        "metadata.inner:*",
        "metadata.time:*",
        "metadata.numbers:*",
        "metadata.words:*",
        "metadata.fields:*",
        "metadata.maybe=0",
        "metadata.left=0",
        "metadata.time<2030-01-01T00:00:00Z",
        "metadata.time!=2030-01-01T00:00:00Z",
        "metadata.wrapped=0",
        "metadata.inner.text=''",
        "metadata.inner.text!=x",
        "metadata.fields.a!=x",
        "metadata.detail.x!=1",
        "metadata.words.a!=1",
        "metadata.mask=''",
    ];
    check(&empty, &passing, &others);
    let without = Record { metadata: None, ..record("x", at(0)) };
    let others =
        ["metadata:*", "metadata.@type:*", "metadata.@type!=t.v1.All", "metadata.flag!=true"];
    check(&without, &["NOT metadata:*", "NOT metadata.flag=true"], &others);
}

#[test]
fn structs_compare_as_what_is_in_them() {
    let passing = [
        "metadata.fields.s=text",
        "metadata.fields.s=te*",
        "metadata.fields.n=1.5",
        "metadata.fields.n>1",
        "metadata.fields.n=15e-1",
        "metadata.fields.b=true",
        "metadata.fields.z=null",
        "metadata.fields.z:*",
        "metadata.fields.o.k=v",
        "metadata.fields.o:k",
        "metadata.fields.o:*",
        "metadata.fields:s",
        "metadata.fields.l:1",
        "metadata.fields.l:two",
        "metadata.fields.l.k:3",
        "metadata.fields.l:*",
        "metadata.fields.\"\"=none",
        "metadata.fields.s!=other",
        "metadata.value=3",
        "metadata.value>2",
        "metadata.values:a",
        "metadata.values:1",
    ];
    let others = [
        "metadata.fields.s=1",
        "metadata.fields.n=text",
        "metadata.fields.n!=text",
        "metadata.fields.b!=text",
        "metadata.fields.z!=null",
        "metadata.fields.q=1",
        "metadata.fields.q!=1",
        "metadata.fields.q:*",
        "metadata.fields.o=v",
        "metadata.fields.l=1",
        "metadata.fields.l:3",
        "metadata.fields.s.k=v",
        "metadata.value=4",
        "metadata.values=a",
        "metadata.fields:q",
    ];
    check(&with(payload("t.v1.All", FULL)), &passing, &others);
    let whole =
        with(payload("google.protobuf.Struct", r#"{"progress": 50, "step": {"name": "copy"}}"#));
    let passing = [
        "metadata.progress>=50",
        "metadata.step.name=copy",
        "metadata:step",
        "metadata.@type=google.protobuf.Struct",
    ];
    check(&whole, &passing, &["metadata.progress>50", "metadata.fields:*", "metadata:pro"]);
}
