//! A server of one API, and calls through both of its doors, their messages as JSON.

use std::sync::Arc;

use bytes::Bytes;
use longrun_server::auth::{Authenticator, StaticToken, TokenDigest};
use longrun_server::catalog::{
    Catalog, ConfigSource, MethodSettings, Service, ServiceSource, Sources,
};
use longrun_server::config::Limits;
use longrun_server::operation::Principal;
use longrun_transcoding::{PrintOptions, parse, print};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::Server;

pub const KITCHEN: &str = "kitchen.example.com";
const EVENTS: &str = "workspaceevents.googleapis.com";

/// A server of one service.
pub struct Api {
    pub server: Server,
    service: Arc<Service>,
    pool: DescriptorPool,
    sources: Sources,
    /// Whence it is loaded again.
    _folder: Option<TempDir>,
}

impl Api {
    pub async fn kitchen(settings: &[(&str, MethodSettings)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        file("kitchen.proto", include_str!("../kitchen/kitchen.proto"));
        let config = file("kitchen.yaml", include_str!("../kitchen/kitchen.yaml"));
        let named = |(rpc, settings): &(&str, MethodSettings)| {
            (format!("kitchen.v1.Kitchen/{rpc}"), settings.clone().into())
        };
        let source = ServiceSource {
            config: Some(ConfigSource::File(config)),
            proto_path: vec![folder.path().to_owned()],
            methods: settings.iter().map(named).collect(),
            ..Default::default()
        };
        Self::start(source, Some(folder)).await
    }

    pub async fn events() -> Self {
        let config = Some(ConfigSource::BuiltIn(EVENTS.to_owned()));
        Self::start(ServiceSource { config, ..Default::default() }, None).await
    }

    async fn start(source: ServiceSource, folder: Option<TempDir>) -> Self {
        let sources = Sources { services: vec![source], ..Default::default() };
        let catalog = Arc::new(Catalog::load(&sources).unwrap());
        let service = catalog.services().next().unwrap().clone();
        let pool = catalog.union_pool().clone();
        let server = Server::start_with(catalog, Limits::default(), tokens()).await;
        Self { server, service, pool, sources, _folder: folder }
    }

    /// Stops the server, and starts another in its folder.
    pub async fn restart(self) -> Self {
        let server = self.server.restart_as(&self.sources, tokens()).await;
        Self { server, ..self }
    }

    /// A call over gRPC, its messages as JSON: the answer, or the status.
    pub async fn grpc(
        &self,
        token: &str,
        rpc: &str,
        request: &Value,
    ) -> Result<Value, tonic::Status> {
        let answer = self.server.grpc(token, rpc, self.encode(rpc, request)).await?;
        let output = self.method(rpc).output();
        Ok(self.json(output.full_name(), &answer.into_inner()))
    }

    fn method(&self, rpc: &str) -> MethodDescriptor {
        let (api, name) = rpc.split_once('/').unwrap();
        let api = self.pool.get_service_by_name(api).unwrap();
        api.methods().find(|method| method.name() == name).unwrap()
    }

    /// An RPC's request from its JSON.
    pub fn encode(&self, rpc: &str, request: &Value) -> Bytes {
        let request = parse(request.to_string().as_bytes(), &self.method(rpc).input()).unwrap();
        request.encode_to_vec().into()
    }

    /// A message's JSON.
    pub fn json(&self, full_name: &str, message: &[u8]) -> Value {
        let descriptor = self.pool.get_message_by_name(full_name).unwrap();
        let message = DynamicMessage::decode(descriptor, message).unwrap();
        let options = PrintOptions { pretty: false, enums_as_ints: false, fields: None };
        serde_json::from_slice(&print(&message, &options).unwrap()).unwrap()
    }

    pub async fn rest(&self, token: &str, verb: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.server.rest(token, verb, path, &body).await;
        (answer.status, answer.json())
    }

    /// The latest state, which both doors tell alike.
    pub async fn get(&self, token: &str, name: &str) -> Value {
        let (status, rest) = self.rest(token, "GET", &format!("/v1/{name}"), &Value::Null).await;
        assert_eq!(status, 200, "{rest}");
        let request = json!({ "name": name });
        let get = "google.longrunning.Operations/GetOperation";
        assert_eq!(self.grpc(token, get, &request).await.unwrap(), rest);
        rest
    }

    pub async fn backend(&self, rpc: &str, request: &Value) -> Result<Value, tonic::Status> {
        self.grpc("backend", &format!("longrun.v1.Backend/{rpc}"), request).await
    }

    /// Leases the next record of a method, once there is one.
    pub async fn next(&self, method: &str) -> Value {
        let request = json!({
            "parent": format!("services/{}", self.service.name),
            "methods": [method],
            "workerId": "w",
            "waitTimeout": "60s",
        });
        let leased = self.backend("LeaseOperations", &request).await.unwrap();
        leased["records"][0].clone()
    }

    /// Leases the one record of a method that waits.
    pub async fn lease(&self, method: &str) -> Value {
        let request = json!({
            "parent": format!("services/{}", self.service.name),
            "methods": [method],
            "workerId": "w",
            "maxOperations": 100,
        });
        let leased = self.backend("LeaseOperations", &request).await.unwrap();
        let records = leased["records"].as_array().unwrap();
        assert_eq!(records.len(), 1, "{leased}");
        records[0].clone()
    }

    pub async fn finish(&self, leased: &Value, response: &Value) -> Result<Value, tonic::Status> {
        let request = json!({
            "name": leased["name"],
            "leaseToken": leased["lease"]["token"],
            "response": response,
        });
        self.backend("FinishOperation", &request).await
    }

    pub async fn reject(&self, leased: &Value, error: &Value) -> Result<Value, tonic::Status> {
        let request = json!({
            "name": leased["name"],
            "leaseToken": leased["lease"]["token"],
            "error": error,
        });
        self.backend("RejectOperation", &request).await
    }
}

fn tokens() -> Authenticator {
    let token = |subject: &str, scopes: &[&str]| StaticToken {
        principal: Principal::parse(&format!("static:{subject}")).unwrap(),
        digest: TokenDigest::of(subject),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
    };
    let own = ["https://example.com/cook", "https://www.googleapis.com/auth/chat.messages"];
    Authenticator::tokens([
        token("alice", &own),
        token("bob", &own),
        token("nobody", &["https://example.com/other"]),
        token("backend", &["longrun.backend"]),
    ])
}

/// An RPC of the kitchen.
pub fn rpc(name: &str) -> String {
    format!("kitchen.v1.Kitchen/{name}")
}

/// The JSON of an Any.
pub fn typed(name: &str, mut fields: Value) -> Value {
    fields["@type"] = format!("type.googleapis.com/{name}").into();
    fields
}

/// The fields of which an error's violations speak.
pub fn fields(error: &Value) -> Vec<&str> {
    let details = error["details"].as_array().unwrap().iter();
    let found = details.filter_map(|detail| detail["fieldViolations"].as_array()).flatten();
    found.map(|violation| violation["field"].as_str().unwrap()).collect()
}
