//! Every long-running RPC of google-proto-files, through both doors: a request made from its
//! descriptor, leased, finished with the response type that it declares, and read back.
//!
//! One RPC in twenty is played, chosen by a seed that is printed; `LONGRUN_LRO_SEED` repeats
//! one, and `LONGRUN_LRO_ALL=1` plays them all. `google_lros.txt` has those that can't pass,
//! with the reason; one that passes all the same is an error too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use longrun_api::google::longrunning::{GetOperationRequest, Operation, operation};
use longrun_api::longrun::v1::{
    FinishOperationRequest, LeaseOperationsRequest, LeaseOperationsResponse, OperationRecord,
    finish_operation_request,
};
use longrun_server::auth::Authenticator;
use longrun_server::catalog::{Method, Service};
use longrun_server::config::Limits;
use longrun_transcoding::{PrintOptions, parse, print};
use prost::Message;
use prost_reflect::DynamicMessage;
use prost_types::Any;

use crate::google_protos;
use crate::harness::Server;
use crate::made::{made, rest_call};

/// How many play at a time.
const PLAYERS: usize = 8;
/// One in so many is played.
const ONE_IN: u64 = 20;

struct Lro {
    service: Arc<Service>,
    method: Arc<Method>,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_long_running_rpc_is_served() {
    let catalog = google_protos::catalog();
    let lros: Vec<Lro> = catalog
        .services()
        .flat_map(|service| service.methods().map(move |method| (service, method)))
        .filter(|(_, method)| method.lro.is_some())
        .map(|(service, method)| Lro { service: service.clone(), method: method.clone() })
        .collect();
    let exceptions = exceptions(&lros);
    let chosen = chosen(lros);
    let count = chosen.len();
    let limits = Limits { requests_per_second: None, ..Limits::default() };
    let server = Server::start_with(catalog, limits, Authenticator::open()).await;
    let (server, chosen, next) = (Arc::new(server), Arc::new(chosen), Arc::default());

    let mut players = tokio::task::JoinSet::new();
    for _ in 0..PLAYERS {
        players.spawn(play(server.clone(), chosen.clone(), Arc::clone(&next)));
    }
    let failed: BTreeMap<String, String> = players.join_all().await.into_iter().flatten().collect();
    println!("{} of {count} long-running RPCs pass", count - failed.len());
    for (name, why) in failed.iter().filter(|(name, _)| !exceptions.contains_key(*name)) {
        println!("{name}: {why}");
    }
    for lro in chosen.iter().filter(|lro| exceptions.contains_key(&lro.method.name)) {
        let name = &lro.method.name;
        assert!(failed.contains_key(name), "{name} passes: take it out of google_lros.txt");
    }
    let unexpected = failed.keys().filter(|name| !exceptions.contains_key(*name)).count();
    assert_eq!(unexpected, 0, "these RPCs fail; they are printed above");
}

/// `RPC reason` in each line; `#` begins a comment.
fn exceptions(lros: &[Lro]) -> BTreeMap<String, String> {
    let lines = include_str!("google_lros.txt").lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, reason) = line.split_once(' ').expect("an RPC and a reason");
            assert!(lros.iter().any(|lro| lro.method.name == name), "no RPC is called {name}");
            (name.to_owned(), reason.to_owned())
        })
        .collect()
}

fn chosen(lros: Vec<Lro>) -> Vec<Lro> {
    if std::env::var_os("LONGRUN_LRO_ALL").is_some() {
        return lros;
    }
    let given = std::env::var("LONGRUN_LRO_SEED").ok();
    let seed: u64 = given.map_or_else(
        || std::time::UNIX_EPOCH.elapsed().map_or(0, |time| time.subsec_nanos().into()),
        |text| text.parse().expect("LONGRUN_LRO_SEED is a number"),
    );
    println!("LONGRUN_LRO_SEED={seed}");
    let mut state = seed;
    // SplitMix64.
    let mut random = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    lros.into_iter().filter(|_| random().is_multiple_of(ONE_IN)).collect()
}

/// Plays what nobody else has taken: the RPCs that failed, and how.
async fn play(
    server: Arc<Server>,
    lros: Arc<Vec<Lro>>,
    next: Arc<AtomicUsize>,
) -> Vec<(String, String)> {
    let mut failed = Vec::new();
    while let Some(lro) = lros.get(next.fetch_add(1, Ordering::Relaxed)) {
        if let Err(why) = once(&server, lro).await {
            failed.push((lro.method.name.clone(), why));
        }
    }
    failed
}

async fn once(server: &Server, lro: &Lro) -> Result<(), String> {
    let Lro { service, method } = lro;
    let host = service.hosts.first().unwrap_or(&service.name);
    let binding = method.bindings.first();
    let request = made(method, binding.map(|binding| &binding.rule))?;

    let answer =
        server.grpc_at(host, "any", &method.name, request.encode_to_vec().into(), &[]).await;
    let answer = answer.map_err(|status| format!("over gRPC: {status}"))?.into_inner();
    let mut operations = vec![Operation::decode(answer).map_err(text)?];
    // A few RPCs are there over gRPC alone.
    if let Some(binding) = binding {
        let (verb, path, body) = rest_call(&binding.rule, &request)?;
        let answer = server.rest_at(host, "any", &verb, &path, &body).await;
        if answer.status != 200 {
            return Err(format!("{verb} {path} {body}: {}", answer.body));
        }
        operations.push(operation_of(service, &answer.body)?);
    }
    let records = lease(server, service, method).await?;
    let mut ends = Vec::new();
    for operation in &operations {
        if operation.done || operation.result.is_some() {
            return Err(format!("it is not open: {operation:?}"));
        }
        let name = format!("services/{}/{}", service.name, operation.name);
        let record = records.iter().find(|record| record.name == name);
        let record = record.ok_or_else(|| format!("{name} was not leased"))?;
        let kept = record.request.as_ref().map(|any| any.value.as_slice()).unwrap_or_default();
        let kept = DynamicMessage::decode(method.input.clone(), kept).map_err(text)?;
        if kept != request {
            return Err(format!("the worker gets {kept:?}\nfor {request:?}"));
        }
        ends.push(finish(server, method, record));
    }
    for end in ends {
        end.await?;
    }
    for operation in &operations {
        read(server, lro, host, &operation.name).await?;
    }
    Ok(())
}

async fn lease(
    server: &Server,
    service: &Service,
    method: &Method,
) -> Result<Vec<OperationRecord>, String> {
    let request = LeaseOperationsRequest {
        parent: format!("services/{}", service.name),
        methods: vec![method.name.clone()],
        max_operations: 100,
        ..Default::default()
    };
    let answer = backend(server, "LeaseOperations", &request).await?;
    Ok(LeaseOperationsResponse::decode(answer).map_err(text)?.records)
}

async fn finish(server: &Server, method: &Method, record: &OperationRecord) -> Result<(), String> {
    let request = FinishOperationRequest {
        name: record.name.clone(),
        lease_token: record.lease.as_ref().map(|lease| lease.token.clone()).unwrap_or_default(),
        result: Some(finish_operation_request::Result::Response(response(method))),
        metadata: None,
    };
    backend(server, "FinishOperation", &request).await.map(drop)
}

async fn backend(
    server: &Server,
    rpc: &str,
    request: &impl Message,
) -> Result<bytes::Bytes, String> {
    let rpc = format!("longrun.v1.Backend/{rpc}");
    let answer = server.grpc("any", &rpc, request.encode_to_vec().into()).await;
    Ok(answer.map_err(|status| format!("{rpc}: {status}"))?.into_inner())
}

/// The declared response, with nothing in it; where none is declared, an Empty.
fn response(method: &Method) -> Any {
    let declared = method.lro.as_ref().and_then(|lro| lro.response.as_ref());
    let name = declared.map_or("google.protobuf.Empty", |declared| declared.full_name());
    Any { type_url: format!("type.googleapis.com/{name}"), value: vec![] }
}

/// Both doors tell the same of it, and with the right types.
async fn read(server: &Server, lro: &Lro, host: &str, name: &str) -> Result<(), String> {
    let request = GetOperationRequest { name: name.to_owned() }.encode_to_vec();
    let get = "google.longrunning.Operations/GetOperation";
    let grpc = server.grpc_at(host, "any", get, request.into(), &[]).await;
    let grpc = grpc.map_err(|status| format!("GetOperation: {status}"))?.into_inner();
    let grpc = Operation::decode(grpc).map_err(text)?;
    let rest = server.rest_at(host, "any", "GET", &format!("/v1/{name}"), "").await;
    if rest.status != 200 {
        return Err(format!("GET /v1/{name}: {}", rest.body));
    }
    if operation_of(&lro.service, &rest.body)? != grpc {
        return Err(format!("{grpc:?}\nis over REST {}", rest.body));
    }
    if grpc.result != Some(operation::Result::Response(response(&lro.method))) {
        return Err(format!("it ended with {:?}", grpc.result));
    }
    let declared = lro.method.lro.as_ref().and_then(|lro| lro.metadata.as_ref());
    let expected = declared.map(|declared| format!("type.googleapis.com/{}", declared.full_name()));
    let open = ["google.protobuf.Struct", "google.protobuf.Any"];
    let expected = expected.filter(|url| !open.iter().any(|open| url.ends_with(open)));
    if grpc.metadata.as_ref().map(|any| &any.type_url) != expected.as_ref() {
        return Err(format!("its metadata is {:?}", grpc.metadata));
    }
    Ok(())
}

/// An Operation from its JSON, by the service's descriptors.
fn operation_of(service: &Service, json: &str) -> Result<Operation, String> {
    let descriptor = service.pool().get_message_by_name("google.longrunning.Operation");
    let descriptor = descriptor.ok_or("no descriptor of Operation")?;
    let message = parse(json.as_bytes(), &descriptor).map_err(|why| format!("{why:?}: {json}"))?;
    let options = PrintOptions { pretty: true, enums_as_ints: false, fields: None };
    let printed = print(&message, &options).map_err(|why| format!("{why:?}"))?;
    if printed != json.as_bytes() {
        return Err(format!("{json} is printed as {}", String::from_utf8_lossy(&printed)));
    }
    Operation::decode(message.encode_to_vec().as_slice()).map_err(text)
}

fn text(error: prost::DecodeError) -> String {
    error.to_string()
}
