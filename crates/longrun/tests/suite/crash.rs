//! `kill -9` in the middle of writes: every acknowledged write is there, none half.

mod random;
mod step;
mod writer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use longrun_api::google::longrunning::ListOperationsRequest;
use longrun_api::longrun::v1::operation_record::State;
use longrun_api::longrun::v1::{ListRecordsRequest, OperationRecord};
use longrun_client::{Client, Code};
use tokio::sync::Notify;
use tokio::task::{JoinSet, yield_now};

use self::random::Random;
use self::step::{Step, assert_whole};
use self::writer::{SERVICE, Writer};
use crate::program::Program;
use crate::server::{Server, serve};

const ROUNDS: usize = 50;
const WRITERS: usize = 8;

/// One folder, fifty servers that are killed: each is read for what was acknowledged
/// before, then written to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_write_survives_fifty_kills() {
    let seed = match std::env::var("LONGRUN_TEST_SEED") {
        Ok(seed) => seed.parse().expect("LONGRUN_TEST_SEED is a number"),
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64,
    };
    println!("LONGRUN_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let dir = tempfile::tempdir().unwrap();
    let mut writers: Vec<Writer> =
        (0..WRITERS).map(|number| Writer::new(number, random.fork())).collect();
    let (mut acknowledged, mut under_way, mut kept) = (0, 0, 0);
    for _ in 0..ROUNDS {
        let mut server = Server::start(dir.path());
        kept += read_back(&server, &mut writers).await;
        acknowledged += write_until_killed(&mut server, &mut writers, &mut random).await;
        let items = writers.iter().flat_map(|writer| &writer.items);
        under_way += items.filter(|item| matches!(item.step, Some((_, false)))).count();
    }
    let server = Server::start(dir.path());
    kept += read_back(&server, &mut writers).await;
    let client = server.client().await;
    for name in writers.iter().flat_map(|writer| &writer.gone) {
        assert_eq!(code(client.get_record(name).await), Some(Code::NotFound), "{name}");
    }
    println!("{acknowledged} acknowledged; {under_way} under way, of which {kept} were kept");
    assert!(under_way > ROUNDS, "the kills came between the writes");
    server.program.signal("TERM");
    assert_eq!(server.program.end().code, Some(0));
}

/// All writers at once, each on a connection of its own; the kill comes somewhere after a
/// random number of acknowledgements. How many there were.
async fn write_until_killed(
    server: &mut Server,
    writers: &mut Vec<Writer>,
    random: &mut Random,
) -> usize {
    let target = 1 + random.below(150);
    let (count, reached) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let mut writing = JoinSet::new();
    for mut writer in writers.drain(..) {
        let client = server.client().await;
        let (count, reached) = (count.clone(), reached.clone());
        writing.spawn(async move {
            let mut alive = writer.repeat(&client).await;
            while alive.is_ok() {
                alive = writer.write(&client).await;
                if alive.is_ok() && count.fetch_add(1, Ordering::Relaxed) + 1 == target {
                    reached.notify_one();
                }
            }
            writer
        });
    }
    tokio::select! {
        () = reached.notified() => {}
        ended = writing.join_next() => panic!("a writer ended first: {:?}", ended.map(|it| it.err())),
    }
    // Not always just after an answer: anywhere in a batch.
    for _ in 0..random.below(400) {
        yield_now().await;
    }
    server.program.kill();
    writers.extend(writing.join_all().await);
    writers.sort_by_key(|writer| writer.number);
    count.load(Ordering::Relaxed)
}

/// Everything, by lists and gets, against what the writers know. How many of the writes
/// that were under way are there.
async fn read_back(server: &Server, writers: &mut [Writer]) -> usize {
    let client = server.client().await;
    let records = list(&client, "").await;
    let mut kept = 0;
    let mut known = 0;
    for writer in &mut *writers {
        kept += recover(writer, &records);
        known += writer.items.len();
    }
    assert_eq!(records.len(), known, "records that nobody created, or that were deleted");

    let mut by_state: BTreeMap<State, usize> = BTreeMap::new();
    let mut visible = Vec::new();
    for (name, record) in &records {
        assert_whole(record);
        *by_state.entry(record.state()).or_default() += 1;
        assert_eq!(client.get_record(name).await.as_ref(), Ok(record));
        let operation = record.operation.clone().expect("a whole one has it");
        if record.delete_time.is_some() {
            let hidden = client.get_operation(&operation.name).await;
            assert_eq!(code(hidden), Some(Code::NotFound), "{name}");
        } else {
            visible.push(operation);
        }
    }
    for state in [State::Pending, State::Running, State::Succeeded, State::Failed, State::Cancelled]
    {
        let listed = list(&client, &format!("state={}", state.as_str_name())).await;
        assert_eq!(listed.len(), by_state.get(&state).copied().unwrap_or(0), "{state:?}");
    }
    if let Some((name, record)) = records.first_key_value() {
        let listed = list(&client, &format!("labels.mark=\"{}\"", record.labels["mark"])).await;
        assert_eq!(listed.keys().collect::<Vec<_>>(), [name]);
    }
    let request = ListOperationsRequest { page_size: 1000, ..Default::default() };
    let page = client.list_operations(request).await.expect("it lists");
    assert_eq!(page.next_page_token, "", "they fit on one page");
    let mut listed = page.operations;
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(listed, visible);
    kept
}

/// Compares one writer's records, which then are what was found; how many of its writes
/// that were under way were kept.
fn recover(writer: &mut Writer, records: &BTreeMap<String, OperationRecord>) -> usize {
    let mut kept = 0;
    let mut leased = Vec::new();
    let mut items = std::mem::take(&mut writer.items);
    items.retain_mut(|item| {
        let under_way = item.step.clone().filter(|(_, acknowledged)| !acknowledged);
        let seen = records.get(&item.name);
        let applied = item.recover(seen);
        kept += usize::from(applied && under_way.is_some());
        if matches!(under_way, Some((Step::Lease(_), _))) {
            leased.push(applied);
        }
        if seen.is_none() {
            writer.gone.insert(item.name.clone());
        }
        seen.is_some()
    });
    assert!(leased.iter().all(|one| *one == leased[0]), "half of a lease call: {leased:?}");
    writer.items = items;
    kept
}

async fn list(client: &Client, filter: &str) -> BTreeMap<String, OperationRecord> {
    let mut records = BTreeMap::new();
    let mut request = ListRecordsRequest {
        parent: SERVICE.to_owned(),
        filter: filter.to_owned(),
        page_size: 50,
        ..ListRecordsRequest::default()
    };
    loop {
        let page = client.list_records(request.clone()).await.expect("it lists");
        for record in page.records {
            let again = records.insert(record.name.clone(), record);
            assert!(again.is_none(), "listed twice: {again:?}");
        }
        if page.next_page_token.is_empty() {
            return records;
        }
        request.page_token = page.next_page_token;
    }
}

fn code<T>(answer: Result<T, longrun_client::ClientError>) -> Option<Code> {
    answer.err().map(|error| error.code)
}

/// A server that is killed as soon as it has made one of its files starts the next time.
#[tokio::test]
async fn a_kill_while_it_starts_does_no_harm() {
    for file in ["token", "lock", "longrun.db", "longrun.db-wal", "longrun.db-shm"] {
        let dir = tempfile::tempdir().unwrap();
        let mut program = Program::start(&mut serve(dir.path()));
        let path = dir.path().join(file);
        program.until(&format!("{file} is there"), || path.exists()).await;
        program.kill();
        let server = Server::start(dir.path());
        server.create("one");
    }
}
