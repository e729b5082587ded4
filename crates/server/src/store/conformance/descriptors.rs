use bytes::Bytes;

use super::bench::{Bench, remove, touch};
use crate::operation::samples::{at, record};
use crate::operation::{Change, Digest, Record};

fn set(text: &str) -> (Digest, Bytes) {
    (Digest::of(&[text.as_bytes()]), text.to_owned().into())
}

fn digest(text: &str) -> Digest {
    set(text).0
}

async fn kept(bench: &Bench, text: &str) -> bool {
    let found = bench.store().descriptors(digest(text)).await.unwrap();
    assert!(found.as_ref().is_none_or(|bytes| *bytes == set(text).1));
    found.is_some()
}

pub(super) async fn descriptors_in_use_are_kept(mut bench: Bench) {
    let keep = async |bench: &Bench, texts: &[&str]| {
        bench.store().keep_descriptors(texts.iter().map(|text| set(text)).collect()).await.unwrap();
    };
    let under = |id: &str, texts: &[&str]| {
        let descriptors = texts.iter().map(|text| digest(text)).collect();
        Record { descriptors, ..record(id, at(0)) }
    };
    keep(&bench, &["v1", "other"]).await;
    keep(&bench, &["v1", "other"]).await;
    bench.pause().await;
    assert!(kept(&bench, "v1").await && kept(&bench, "other").await);
    assert!(!kept(&bench, "v2").await);

    let a = bench.put(under("a", &["v1"])).await;
    let b = bench.put(under("b", &["v1"])).await;
    bench.update(&a.name, touch).await.unwrap();
    keep(&bench, &["v2"]).await;
    bench.pause().await;
    assert!(kept(&bench, "v1").await, "two records refer to it");
    assert!(kept(&bench, "v2").await, "it is the server's");
    assert!(!kept(&bench, "other").await, "nobody needs it");

    let both = |record: &Record, _| {
        let descriptors = vec![digest("v1"), digest("v2")];
        Ok(Change::Put(Box::new(Record { descriptors, ..record.clone() })))
    };
    bench.update(&b.name, both).await.unwrap();
    bench.update(&a.name, remove).await.unwrap();
    keep(&bench, &["v3"]).await;
    bench.pause().await;
    assert!(kept(&bench, "v1").await && kept(&bench, "v2").await, "one refers to both");
    bench.update(&b.name, remove).await.unwrap();
    assert!(kept(&bench, "v1").await, "until the next start");
    keep(&bench, &["v3"]).await;
    bench.pause().await;
    assert!(!kept(&bench, "v1").await && !kept(&bench, "v2").await);
    assert!(kept(&bench, "v3").await);
}
