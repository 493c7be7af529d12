//! What the tests of the sender stand on: queues, a virtual clock, and words for both sides.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use milena_wire::compression::Compression;
use milena_wire::messages::ProduceResponse;
use milena_wire::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use milena_wire::records::RecordBatches;
use milena_wire::{ByteString, ErrorCode, Uuid};

use super::{
    Answer, BatchSource, Event, Leader, Outgoing, PartitionKey, ProduceCall, ProducerIdAnswer,
    Sender,
};
use crate::BrokerId;
use crate::backoff::Backoff;
use crate::producer::{
    Batch, NeedsBuffer, Outcome, PartitionQueue, ProducerEpoch, ProducerId, SenderSettings,
    TransactionCall, Written,
};

pub(super) const LINGER: Duration = Duration::from_millis(5);
pub(super) const BACKOFF: Duration = Duration::from_millis(100);
pub(super) const DELIVERY_TIMEOUT: Duration = Duration::from_secs(120);
pub(super) const TOPIC: &str = "orders";

pub(super) fn settings() -> SenderSettings {
    SenderSettings {
        acks: -1,
        idempotent: true,
        max_in_flight: 5,
        max_request_bytes: 1 << 20,
        linger: LINGER,
        delivery_timeout: DELIVERY_TIMEOUT,
        request_timeout: Duration::from_secs(30),
        retries: u32::MAX - 1,
        retry_backoff: Backoff::new(BACKOFF, BACKOFF),
        compression: Compression::None,
        transactions: None,
    }
}

/// A batch as a broker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sent {
    pub(super) partition: i32,
    pub(super) epoch: i16,
    pub(super) sequence: i32,
    pub(super) records: i32,
}

/// `sent(0, 0, 3, 1)`: to partition 0, in epoch 0, sequence 3, one record.
pub(super) const fn sent(partition: i32, epoch: i16, sequence: i32, records: i32) -> Sent {
    Sent { partition, epoch, sequence, records }
}

pub(super) struct Queues(pub(super) Vec<PartitionQueue<usize>>);

impl BatchSource<usize> for Queues {
    fn collect(
        &mut self,
        partition: PartitionKey,
        seal_open: bool,
        into: &mut Vec<Batch<usize>>,
    ) -> Option<Instant> {
        self.0[partition.0].collect(seal_open, into)
    }
}

/// A sender, its queues, and a clock that moves when it is told to.
pub(super) struct Stage {
    pub(super) sender: Sender<usize>,
    pub(super) queues: Queues,
    pub(super) now: Instant,
    /// Every completion: the outcomes of ranges of records.
    pub(super) completions: Vec<Vec<(std::ops::Range<u32>, Outcome)>>,
    pub(super) reserved: usize,
    pub(super) events: Vec<String>,
    /// Requests of the transaction that were polled.
    pub(super) calls: Vec<TransactionCall>,
}

impl Stage {
    /// Partitions 0.. of one topic, all led by broker 1, connected, with producer id 7.
    pub(super) fn new(settings: SenderSettings, partitions: usize) -> Self {
        let mut stage = Self::without_producer_id(settings, partitions);
        stage.sender.producer_id.want();
        if let Some(Outgoing::InitProducerId) = stage.poll_any() {
            stage.grant(7, 0);
        }
        stage
    }

    pub(super) fn without_producer_id(settings: SenderSettings, partitions: usize) -> Self {
        let mut stage = Self {
            sender: Sender::new(settings, 1),
            queues: Queues(Vec::new()),
            now: Instant::now(),
            completions: Vec::new(),
            reserved: 0,
            events: Vec::new(),
            calls: Vec::new(),
        };
        for index in 0..partitions {
            let index = i32::try_from(index).unwrap();
            let key = stage.sender.add_partition(ByteString::from_static(TOPIC), index);
            stage.queues.0.push(PartitionQueue::new(1000, 1000));
            stage.lead(key.0, 1, 1);
        }
        stage.sender.handle_connected(BrokerId(1));
        stage
    }

    pub(super) fn grant(&mut self, id: i64, epoch: i16) {
        let answer = ProducerIdAnswer::Granted(ProducerId(id), ProducerEpoch(epoch));
        self.sender.handle_producer_id(answer, &mut self.queues, self.now);
    }

    pub(super) fn lead(&mut self, partition: usize, broker: i32, epoch: i32) {
        let leader = Leader { broker: BrokerId::from_wire(broker), epoch, topic_id: Uuid([1; 16]) };
        self.sender.handle_leader(PartitionKey(partition), leader, self.now);
    }

    pub(super) fn wait(&mut self, duration: Duration) {
        self.now += duration;
    }

    /// Appends a record; a batch that is full is sealed, as in the client. Returns the completion
    /// and the index in it.
    pub(super) fn append(&mut self, partition: usize, value: &[u8]) -> (usize, u32) {
        let place = loop {
            let queue = &mut self.queues.0[partition];
            match queue.append(None, Some(value), &[], Some(1), || 1) {
                Ok(appended) => break (appended.completion, appended.index),
                Err(NeedsBuffer::Extension { .. }) => unreachable!("batches begin at full size"),
                Err(NeedsBuffer::Batch { bytes, .. }) => {
                    self.reserved += bytes;
                    self.completions.push(Vec::new());
                    let completion = self.completions.len() - 1;
                    queue.open(BytesMut::with_capacity(bytes), bytes, completion, self.now);
                }
            }
        };
        self.sender.handle_attention(PartitionKey(partition), &mut self.queues, self.now);
        place
    }

    /// Appends so many records as one sealed batch. Returns its completion.
    pub(super) fn batch(&mut self, partition: usize, records: usize) -> usize {
        let mut completion = 0;
        for _ in 0..records {
            (completion, _) = self.append(partition, b"v");
        }
        self.seal(partition);
        completion
    }

    pub(super) fn seal(&mut self, partition: usize) {
        self.queues.0[partition].seal();
        self.sender.handle_attention(PartitionKey(partition), &mut self.queues, self.now);
    }

    pub(super) fn poll_any(&mut self) -> Option<Outgoing> {
        let request = self.sender.poll_request(&mut self.queues, self.now);
        self.take_events();
        request
    }

    /// Every request that can be sent now.
    pub(super) fn requests(&mut self) -> Vec<ProduceCall> {
        let mut calls = Vec::new();
        loop {
            match self.poll_any() {
                Some(Outgoing::Produce(call)) => calls.push(call),
                Some(Outgoing::InitProducerId) => self.events.push("InitProducerId".into()),
                Some(Outgoing::Transaction(call)) => self.calls.push(call),
                None => return calls,
            }
        }
    }

    /// The one request that can be sent now.
    pub(super) fn request(&mut self) -> ProduceCall {
        let mut calls = self.requests();
        assert_eq!(calls.len(), 1, "{:?}", calls.iter().map(contents).collect::<Vec<_>>());
        calls.remove(0)
    }

    /// Answers every batch of the request with the code; offsets are 10 times the sequence.
    pub(super) fn answer(&mut self, call: &ProduceCall, code: ErrorCode) {
        self.answer_with(call, |answer, batch| {
            answer.error_code = code.0;
            answer.base_offset =
                if code == ErrorCode::NONE { i64::from(batch.sequence) * 10 } else { -1 };
        });
    }

    pub(super) fn answer_with(
        &mut self,
        call: &ProduceCall,
        change: impl Fn(&mut PartitionProduceResponse, Sent),
    ) {
        let partition_responses = contents(call)
            .into_iter()
            .map(|batch| {
                let mut answer = PartitionProduceResponse {
                    index: batch.partition,
                    log_append_time_ms: -1,
                    ..PartitionProduceResponse::default()
                };
                change(&mut answer, batch);
                answer
            })
            .collect();
        let topic = TopicProduceResponse {
            topic_id: Uuid([1; 16]),
            partition_responses,
            ..TopicProduceResponse::default()
        };
        let response = ProduceResponse { responses: vec![topic], ..ProduceResponse::default() };
        self.finish(call, Answer::Response(response));
    }

    pub(super) fn finish(&mut self, call: &ProduceCall, answer: Answer) {
        self.sender.handle_answer(call.id, answer, self.now);
        self.take_events();
    }

    pub(super) fn take_events(&mut self) {
        while let Some(event) = self.sender.poll_event() {
            match event {
                Event::Completed { completion, records, outcome, .. } => {
                    self.completions[completion].push((records, outcome));
                }
                Event::Released { bytes, .. } => self.reserved -= bytes,
                Event::Connect(broker) => self.events.push(format!("Connect({broker})")),
                Event::MetadataNeeded => self.events.push("MetadataNeeded".into()),
                Event::LeaderHint(hint) => self.events.push(format!("Hint({})", hint.leader)),
                Event::Flushed(_) => self.events.push("Flushed".into()),
                Event::Transaction(event) => self.events.push(format!("{event:?}")),
                Event::Encode { .. } => unreachable!("no compression"),
            }
        }
    }

    /// Whether that event came since the last question.
    pub(super) fn saw(&mut self, event: &str) -> bool {
        let seen = self.events.iter().any(|seen| seen == event);
        self.events.clear();
        seen
    }

    /// How the batch's delivery ended, in a word or two.
    pub(super) fn outcome(&self, completion: usize) -> String {
        match &self.completions[completion][..] {
            [] => "pending".to_owned(),
            [(_, Outcome::Written { base_offset: Some(offset), .. })] => format!("at {offset}"),
            [(_, Outcome::Written { base_offset: None, .. })] => "written".to_owned(),
            [(_, Outcome::Failed(failure))] => match failure.written {
                Written::No => format!("not written: {}", failure.reason),
                Written::Maybe => format!("maybe written: {}", failure.reason),
            },
            several => format!("{} parts", several.len()),
        }
    }
}

/// What a broker reads from a request.
pub(super) fn contents(call: &ProduceCall) -> Vec<Sent> {
    let topics = call.request.topic_data.iter();
    topics
        .flat_map(|topic| &topic.partition_data)
        .map(|data| {
            let bytes = data.records.clone().unwrap();
            let batch = RecordBatches::new(bytes).next().unwrap().unwrap();
            batch.verify_crc().unwrap();
            Sent {
                partition: data.index,
                epoch: batch.producer_epoch(),
                sequence: batch.base_sequence(),
                records: batch.records_count().unwrap(),
            }
        })
        .collect()
}
