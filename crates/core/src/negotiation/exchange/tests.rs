//! Scripted exchanges with brokers of every age.

use milena_wire::messages::api_versions_response::ApiVersion;
use milena_wire::messages::{ApiVersionsResponse, MetadataRequest};

use super::*;

fn response(version: i16, error: ErrorCode, apis: &[(ApiKey, i16, i16)]) -> Bytes {
    let body = ApiVersionsResponse {
        error_code: error.0,
        api_keys: apis
            .iter()
            .map(|&(api, min_version, max_version)| ApiVersion {
                api_key: api.0,
                min_version,
                max_version,
                ..ApiVersion::default()
            })
            .collect(),
        ..ApiVersionsResponse::default()
    };
    let frame = frame::encode_response(version, 1, &body).unwrap();
    let whole: Vec<u8> = frame.segments.iter().flat_map(|segment| segment.to_vec()).collect();
    Bytes::from(whole).slice(4..)
}

const METADATA: (ApiKey, i16, i16) = (ApiKey::METADATA, 0, 4);

#[test]
fn newest_broker_answers_at_once() {
    let mut exchange = Negotiation::new(VersionCaps::none());
    assert_eq!(exchange.version(), ApiVersionsRequest::MAX_VERSION);
    let answer = response(exchange.version(), ErrorCode::NONE, &[METADATA]);
    let Ok(Negotiated::Done(table)) = exchange.handle_response(&answer) else {
        panic!("the table is there")
    };
    assert_eq!(table.highest::<MetadataRequest>(), Ok(4));
}

#[test]
fn range_of_the_broker_is_used() {
    let mut exchange = Negotiation::new(VersionCaps::none());
    let refusal = response(0, ErrorCode::UNSUPPORTED_VERSION, &[(ApiKey::API_VERSIONS, 0, 3)]);
    assert_eq!(exchange.handle_response(&refusal), Ok(Negotiated::AskAgain));
    assert_eq!(exchange.version(), 3);
    let answer = response(3, ErrorCode::NONE, &[METADATA]);
    assert!(matches!(exchange.handle_response(&answer), Ok(Negotiated::Done(_))));
}

#[test]
fn broker_before_2_4_is_asked_with_version_0() {
    let mut exchange = Negotiation::new(VersionCaps::none());
    let refusal = response(0, ErrorCode::UNSUPPORTED_VERSION, &[]);
    assert_eq!(exchange.handle_response(&refusal), Ok(Negotiated::AskAgain));
    assert_eq!(exchange.version(), 0);
    let answer = response(0, ErrorCode::NONE, &[METADATA]);
    assert!(matches!(exchange.handle_response(&answer), Ok(Negotiated::Done(_))));
}

#[test]
fn refusing_every_version_ends_the_exchange() {
    let mut exchange = Negotiation::new(VersionCaps::none());
    let refusal = response(0, ErrorCode::UNSUPPORTED_VERSION, &[]);
    assert_eq!(exchange.handle_response(&refusal), Ok(Negotiated::AskAgain));
    let error = exchange.handle_response(&refusal).unwrap_err();
    assert!(matches!(error, NegotiationError::Refused { version: 0, .. }), "{error}");
}

#[test]
fn broker_that_offers_what_it_refused_is_not_asked_forever() {
    let mut exchange = Negotiation::new(VersionCaps::none());
    let refusal = response(0, ErrorCode::UNSUPPORTED_VERSION, &[(ApiKey::API_VERSIONS, 0, 99)]);
    for _ in ApiVersionsRequest::MIN_VERSION..ApiVersionsRequest::MAX_VERSION {
        assert_eq!(exchange.handle_response(&refusal), Ok(Negotiated::AskAgain));
    }
    assert!(exchange.handle_response(&refusal).is_err());
}

#[test]
fn range_that_nobody_speaks_is_refused() {
    let mut exchange = Negotiation::new(VersionCaps::none());
    let refusal = response(0, ErrorCode::UNSUPPORTED_VERSION, &[(ApiKey::API_VERSIONS, 90, 99)]);
    let error = exchange.handle_response(&refusal).unwrap_err();
    assert!(error.to_string().contains("versions 90 to 99"), "{error}");
}

#[test]
fn limit_lowers_the_first_version() {
    let caps = VersionCaps::none().limit(ApiKey::API_VERSIONS, 1);
    assert_eq!(Negotiation::new(caps).version(), 1);
}

#[test]
fn error_of_the_broker_is_passed_on() {
    let mut exchange = Negotiation::new(VersionCaps::none());
    let answer = response(exchange.version(), ErrorCode::INVALID_REQUEST, &[]);
    let error = exchange.handle_response(&answer).unwrap_err();
    assert_eq!(error, NegotiationError::Broker(ErrorCode::INVALID_REQUEST));
}

#[test]
fn garbage_is_malformed() {
    let mut exchange = Negotiation::new(VersionCaps::none());
    for garbage in [&b""[..], b"\0\0\0", b"\0\0\0\x01\0", b"\0\0\0\x01\0\0\xff\xff\xff\xff\xff"] {
        let error = exchange.handle_response(&Bytes::copy_from_slice(garbage)).unwrap_err();
        assert!(matches!(error, NegotiationError::Malformed(_)), "{error}");
    }
}
