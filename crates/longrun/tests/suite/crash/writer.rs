//! One writer: records of its own, and one write after the other.

use std::collections::BTreeSet;

use longrun_api::google::rpc;
use longrun_api::longrun::v1::operation_record::{Execution, State};
use longrun_api::longrun::v1::{
    CreateOperationRequest, FinishOperationRequest, LeaseOperationsRequest, OperationRecord,
    ReleaseLeaseRequest, RenewLeaseRequest, UpdateRecordRequest,
};
use longrun_client::{Client, ClientError, Code};
use prost::Message as _;
use prost_types::{Any, Duration};

use super::random::Random;
use super::step::{LEASE_SECONDS, Outcome, Step, assert_later, public};

pub(super) const SERVICE: &str = "services/longrun.local";

/// A record as its writer knows it.
pub(super) struct Item {
    pub(super) name: String,
    /// The last version that was acknowledged or read; `None`: its create is under way.
    pub(super) base: Option<OperationRecord>,
    /// The write since then, and whether it was acknowledged.
    pub(super) step: Option<(Step, bool)>,
    token: String,
}

impl Item {
    /// As clients call it.
    pub(super) fn operation(&self) -> &str {
        self.name.strip_prefix(SERVICE).expect("it was made so").trim_start_matches('/')
    }

    fn is_done(&self) -> bool {
        self.base.as_ref().is_some_and(|base| base.finish_time.is_some())
    }

    /// Deleted while it was open, and its lease's token never arrived: it stays so.
    fn is_stuck(&self) -> bool {
        self.token.is_empty()
            && self
                .base
                .as_ref()
                .is_some_and(|base| base.delete_time.is_some() && base.state() == State::Running)
    }

    /// What a new server says of it: all that was acknowledged, and the write under way
    /// wholly or not at all. Whether that write was found.
    pub(super) fn recover(&mut self, seen: Option<&OperationRecord>) -> bool {
        let step = self.step.take();
        let after = |(step, _): &(Step, bool)| step.after(self.base.as_ref(), seen);
        let applied = step.as_ref().is_some_and(|step| after(step).as_ref() == seen);
        let lost = self.base.as_ref() == seen && !matches!(step, Some((_, true)));
        let base = &self.base;
        assert!(applied || lost, "{base:#?}\nand then {step:#?}\nbecame {seen:#?}");
        if let (Some(base), Some(seen)) = (base, seen) {
            assert_later(base, seen);
        }
        if seen.is_none_or(|seen| seen.lease.is_none()) {
            self.token.clear();
        }
        self.base = seen.cloned();
        applied
    }
}

pub(super) struct Writer {
    pub(super) number: usize,
    random: Random,
    /// What there is, in the order of its creation.
    pub(super) items: Vec<Item>,
    /// What was removed.
    pub(super) gone: BTreeSet<String>,
    /// Finishes that were not acknowledged: they may be sent again.
    pub(super) repeats: Vec<FinishOperationRequest>,
    count: u64,
}

/// The connection broke: nothing is known of the write.
pub(super) struct Lost;

/// An answer; a refusal of the server's is never expected.
fn acknowledged<T>(answer: Result<T, ClientError>) -> Result<T, Lost> {
    answer.map_err(|error| {
        assert_eq!(error.reason, None, "the server refused a write: {error}");
        Lost
    })
}

impl Writer {
    pub(super) fn new(number: usize, random: Random) -> Self {
        let (items, gone, repeats) = (Vec::new(), BTreeSet::new(), Vec::new());
        Self { number, random, items, gone, repeats, count: 0 }
    }

    fn method(&self) -> String {
        format!("crash.v1.Crash/Write{}", self.number)
    }

    /// Sends the finishes again: whether they were kept or not, the outcome is the same.
    pub(super) async fn repeat(&mut self, client: &Client) -> Result<(), Lost> {
        while let Some(request) = self.repeats.last().cloned() {
            let at = self.items.iter().position(|item| item.name == request.name);
            let open = at.filter(|at| !self.items[*at].is_done());
            if let Some(at) = open {
                let outcome = request.result.clone().expect("it has one");
                let step = Step::Finish(outcome, request.metadata.clone());
                self.items[at].step = Some((step, false));
            }
            let answer = client.finish(request).await;
            match (at, open) {
                (Some(at), Some(_)) => {
                    let record = acknowledged(answer)?;
                    self.settle(at, Some(record));
                }
                (Some(at), None) => {
                    assert_eq!(self.items[at].base, Some(public(acknowledged(answer)?)));
                }
                (None, _) => {
                    let error = answer.expect_err("it was deleted, and removed when it finished");
                    if error.reason.is_none() {
                        return Err(Lost);
                    }
                    assert_eq!(error.code, Code::NotFound, "{error}");
                }
            }
            self.repeats.pop();
        }
        Ok(())
    }

    /// One write, of whatever kind; returns once it is acknowledged.
    pub(super) async fn write(&mut self, client: &Client) -> Result<(), Lost> {
        self.count += 1;
        let lively = self.items.iter().filter(|item| !item.is_stuck()).count();
        if lively < 4 || (lively < 10 && self.random.below(4) == 0) {
            return self.create(client).await;
        }
        let at = self.random.below(self.items.len());
        let item = &self.items[at];
        let base = item.base.clone().expect("it was settled");
        let (open, held) = (base.finish_time.is_none(), !item.token.is_empty());
        let (cancelled, deleted) = (base.cancel_request_time.is_some(), base.delete_time.is_some());
        let step = match self.random.below(10) {
            0 => Step::Label(format!("{}-{}", self.number, self.count)),
            1 if open && !cancelled => Step::Cancel,
            2 | 3 if !open || !deleted => Step::Delete,
            4 if open && held && !cancelled => Step::Release,
            5 if open && held => Step::Renew(None),
            6 | 7 if open && held => Step::Renew(Some(self.payload("progress"))),
            8 | 9 if open && held => {
                let metadata = (self.random.below(2) == 0).then(|| self.payload("last"));
                Step::Finish(self.outcome(), metadata)
            }
            _ => return self.lease(client).await,
        };
        self.change(client, at, step).await
    }

    async fn create(&mut self, client: &Client) -> Result<(), Lost> {
        let id = format!("w{}-{}", self.number, self.count);
        let mut record = OperationRecord {
            method: self.method(),
            owner: "local:admin".to_owned(),
            request: Some(self.payload("request")),
            ..OperationRecord::default()
        };
        record.labels.insert("writer".to_owned(), self.number.to_string());
        record.labels.insert("mark".to_owned(), id.clone());
        let request = CreateOperationRequest {
            parent: SERVICE.to_owned(),
            record: Some(record.clone()),
            operation_id: id.clone(),
            ..CreateOperationRequest::default()
        };
        record.name = format!("{SERVICE}/operations/{id}");
        record.set_execution(Execution::Leased);
        let name = record.name.clone();
        let step = Step::Create(Box::new(record));
        self.items.push(Item { name, base: None, step: Some((step, false)), token: String::new() });
        let record = acknowledged(client.create_operation(request).await)?;
        self.settle(self.items.len() - 1, Some(record));
        Ok(())
    }

    /// The oldest ones that wait.
    async fn lease(&mut self, client: &Client) -> Result<(), Lost> {
        let max = 1 + self.random.below(3);
        let worker = format!("writer {} {}", self.number, self.count);
        let pending =
            |item: &Item| item.base.as_ref().is_some_and(|it| it.state() == State::Pending);
        let waiting: Vec<usize> =
            (0..self.items.len()).filter(|at| pending(&self.items[*at])).take(max).collect();
        for at in &waiting {
            self.items[*at].step = Some((Step::Lease(worker.clone()), false));
        }
        let request = LeaseOperationsRequest {
            parent: SERVICE.to_owned(),
            methods: vec![self.method()],
            worker_id: worker,
            max_operations: i32::try_from(max).expect("it is small"),
            lease_duration: Some(LEASE),
            wait_timeout: None,
        };
        let records = acknowledged(client.lease(request).await)?;
        let expected: Vec<&str> = waiting.iter().map(|at| &*self.items[*at].name).collect();
        let leased: Vec<&str> = records.iter().map(|record| &*record.name).collect();
        assert_eq!(leased, expected, "the oldest that wait");
        for (at, record) in waiting.into_iter().zip(records) {
            let lease = record.lease.as_ref().expect("it is leased");
            self.items[at].token.clone_from(&lease.token);
            self.settle(at, Some(record));
        }
        Ok(())
    }

    async fn change(&mut self, client: &Client, at: usize, step: Step) -> Result<(), Lost> {
        let item = &mut self.items[at];
        item.step = Some((step.clone(), false));
        let (name, lease_token) = (item.name.clone(), item.token.clone());
        let answer = match step {
            Step::Create(_) | Step::Lease(_) => unreachable!("they have their own"),
            Step::Renew(metadata) => {
                let lease_duration = Some(LEASE);
                client
                    .renew(RenewLeaseRequest { name, lease_token, lease_duration, metadata })
                    .await
            }
            Step::Release => {
                let request = ReleaseLeaseRequest { name, lease_token, ..Default::default() };
                client.release(request).await
            }
            Step::Finish(outcome, metadata) => {
                let result = Some(outcome);
                let request = FinishOperationRequest { name, result, lease_token, metadata };
                self.repeats.push(request.clone());
                let answer = client.finish(request).await;
                if answer.is_ok() {
                    self.repeats.pop();
                }
                answer
            }
            Step::Label(mark) => {
                let mut labels = item.base.clone().unwrap_or_default().labels;
                labels.insert("mark".to_owned(), mark);
                let record = OperationRecord { name, labels, ..OperationRecord::default() };
                let record = Some(record);
                client.update_record(UpdateRecordRequest { record, ..Default::default() }).await
            }
            Step::Cancel => client.cancel_record(&name).await,
            Step::Delete => {
                // As the operation's owner, or as the service's own side.
                let operation = item.operation().to_owned();
                let hidden = item.base.as_ref().is_some_and(|base| base.delete_time.is_some());
                acknowledged(match self.random.below(2) {
                    0 if !hidden => client.delete_operation(&operation).await,
                    _ => client.delete_record(&name).await,
                })?;
                // Nothing but the acknowledgement came back: the record is read at once.
                let item = &mut self.items[at];
                item.step = Some((Step::Delete, true));
                match client.get_record(&name).await {
                    Err(error) if error.code == Code::NotFound => {
                        self.settle(at, None);
                        return Ok(());
                    }
                    answer => answer,
                }
            }
        };
        let record = acknowledged(answer)?;
        self.settle(at, Some(record));
        Ok(())
    }

    /// The write was answered: the answer is what the write makes of the record.
    fn settle(&mut self, at: usize, record: Option<OperationRecord>) {
        let record = record.map(public);
        let item = &mut self.items[at];
        let (step, _) = item.step.take().expect("it was written");
        let expected = step.after(item.base.as_ref(), record.as_ref());
        if expected.is_none() {
            // What a write answers that removes it is its last version.
            let item = self.items.remove(at);
            self.gone.insert(item.name);
            return;
        }
        assert_eq!(record, expected, "after {step:?}");
        if let (Some(base), Some(record)) = (&item.base, &record) {
            assert_later(base, record);
        }
        if record.as_ref().is_some_and(|record| record.lease.is_none()) {
            item.token.clear();
        }
        item.base = record;
    }

    fn outcome(&mut self) -> Outcome {
        let code = [0, 0, 1, 5][self.random.below(4)];
        if code == 0 {
            return Outcome::Response(self.payload("response"));
        }
        let details = vec![self.payload("detail")];
        Outcome::Error(rpc::Status { code, message: "it went wrong".to_owned(), details })
    }

    /// Never the same twice, and sometimes larger than a page of the store.
    fn payload(&mut self, what: &str) -> Any {
        let length = if self.random.below(8) == 0 { 20_000 } else { self.random.below(200) };
        let text = format!("{what} {} {} ", self.number, self.count) + &"x".repeat(length);
        Any {
            type_url: "type.googleapis.com/google.protobuf.StringValue".to_owned(),
            value: text.encode_to_vec(),
        }
    }
}

const LEASE: Duration = Duration { seconds: LEASE_SECONDS, nanos: 0 };
