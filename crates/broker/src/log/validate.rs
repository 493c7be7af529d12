//! What a produced batch has to look like before it may enter the log.

use bytes::Bytes;
use milena_wire::ErrorCode;
use milena_wire::records::{RecordBatch, RecordBatches};

use super::header::{self, BatchHeader, HeaderError};

/// Ceiling for one decompressed batch.
const DECOMPRESSED_BYTES_MAX: usize = 256 << 20;
const ZSTD: i16 = 4;
/// The first Produce version that may carry zstd (KIP-110).
const ZSTD_PRODUCE_VERSION: i16 = 7;

/// The rules of the topic and of the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchRules {
    pub message_bytes_max: usize,
    /// Compacted topics need a key in every record.
    pub keys_required: bool,
    /// Oldest and newest timestamp in milliseconds that a record may carry.
    pub timestamps: (i64, i64),
    pub produce_version: i16,
}

/// A batch that may be appended as it is.
#[derive(Debug, Clone)]
pub(crate) struct ValidBatch {
    pub bytes: Bytes,
    pub header: BatchHeader,
    /// `Some` for an end marker of a transaction: whether it commits.
    pub commit_marker: Option<bool>,
    pub coordinator_epoch: i32,
}

/// One record that broke a rule (KIP-467).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordProblem {
    pub batch_index: i32,
    pub message: &'static str,
}

/// Why a partition's records are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidBatches {
    pub error: ErrorCode,
    pub message: &'static str,
    pub records: Vec<RecordProblem>,
}

fn invalid(error: ErrorCode, message: &'static str) -> InvalidBatches {
    InvalidBatches { error, message, records: Vec::new() }
}

/// Checks the records of one partition in a produce request.
pub(crate) fn validate(records: &Bytes, rules: &BatchRules) -> Result<ValidBatch, InvalidBatches> {
    let header = BatchHeader::parse(records).map_err(|error| match error {
        HeaderError::Magic(_) => {
            invalid(ErrorCode::INVALID_RECORD, "record batches have to be of magic version 2")
        }
        HeaderError::Truncated | HeaderError::Length => {
            invalid(ErrorCode::CORRUPT_MESSAGE, "the record batch is shorter than it states")
        }
    })?;
    if header.size != records.len() {
        let message = "a produce request carries exactly one record batch a partition";
        return Err(invalid(ErrorCode::INVALID_RECORD, message));
    }
    if header.size > rules.message_bytes_max {
        let message = "the record batch is larger than max.message.bytes";
        return Err(invalid(ErrorCode::MESSAGE_TOO_LARGE, message));
    }
    if !header::is_crc_valid(records, &header) {
        return Err(invalid(
            ErrorCode::CORRUPT_MESSAGE,
            "the checksum of the record batch is wrong",
        ));
    }
    check_header(&header, rules)?;
    check_records(records, &header, rules)?;
    Ok(ValidBatch { bytes: records.clone(), header, commit_marker: None, coordinator_epoch: -1 })
}

fn check_header(header: &BatchHeader, rules: &BatchRules) -> Result<(), InvalidBatches> {
    if header.is_control() {
        return Err(invalid(ErrorCode::INVALID_RECORD, "clients may not write control records"));
    }
    if header.records_count < 1
        || header.records_count != header.last_offset_delta.saturating_add(1)
    {
        let message = "the record count does not match the offsets of the batch";
        return Err(invalid(ErrorCode::INVALID_RECORD, message));
    }
    if header.producer_id >= 0 && (header.base_sequence < 0 || header.producer_epoch < 0) {
        let message = "a batch with a producer id needs an epoch and a sequence";
        return Err(invalid(ErrorCode::INVALID_RECORD, message));
    }
    if header.is_transactional() && header.producer_id < 0 {
        return Err(invalid(
            ErrorCode::INVALID_RECORD,
            "a transactional batch needs a producer id",
        ));
    }
    match header.compression() {
        0..ZSTD => Ok(()),
        ZSTD if rules.produce_version >= ZSTD_PRODUCE_VERSION => Ok(()),
        ZSTD => Err(invalid(
            ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
            "zstd needs Produce version 7 or higher",
        )),
        _ => Err(invalid(ErrorCode::CORRUPT_MESSAGE, "the compression type is unknown")),
    }
}

fn check_records(
    bytes: &Bytes,
    header: &BatchHeader,
    rules: &BatchRules,
) -> Result<(), InvalidBatches> {
    let corrupt = || invalid(ErrorCode::CORRUPT_MESSAGE, "the records of the batch cannot be read");
    let batch = single_batch(bytes).ok_or_else(corrupt)?;
    let records = batch.records(DECOMPRESSED_BYTES_MAX).map_err(|_| corrupt())?;
    let (oldest, newest) = rules.timestamps;
    let mut problems = Vec::new();
    let mut bad_timestamp = false;
    let mut expected = header.base_offset;
    for (index, record) in records.iter().enumerate() {
        let record = record.map_err(|_| corrupt())?;
        if record.offset != expected {
            return Err(invalid(
                ErrorCode::INVALID_RECORD,
                "the records are not numbered one after the other",
            ));
        }
        // A base offset near the largest integer may wrap; the log assigns its own offsets anyway.
        expected = expected.wrapping_add(1);
        let index = i32::try_from(index).unwrap_or(i32::MAX);
        if rules.keys_required && record.key.is_none() {
            let message = "a record of a compacted topic needs a key";
            problems.push(RecordProblem { batch_index: index, message });
        } else if record.timestamp >= 0 && !(oldest..=newest).contains(&record.timestamp) {
            bad_timestamp = true;
            let message = "the timestamp is outside the range that the topic allows";
            problems.push(RecordProblem { batch_index: index, message });
        }
    }
    if expected != header.base_offset.wrapping_add(i64::from(header.records_count)) {
        return Err(invalid(
            ErrorCode::INVALID_RECORD,
            "the batch holds fewer records than it states",
        ));
    }
    if problems.is_empty() {
        return Ok(());
    }
    let error =
        if bad_timestamp { ErrorCode::INVALID_TIMESTAMP } else { ErrorCode::INVALID_RECORD };
    Err(InvalidBatches { error, message: "one or more records were rejected", records: problems })
}

/// The one batch in `bytes`.
pub(super) fn single_batch(bytes: &Bytes) -> Option<RecordBatch> {
    RecordBatches::new(bytes.clone()).next()?.ok()
}
