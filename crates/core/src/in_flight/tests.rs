//! Tests of the ring of requests in flight.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn request(correlation_id: i32, deadline: Instant) -> InFlightRequest<&'static str> {
    InFlightRequest {
        correlation_id,
        api_key: ApiKey::FETCH,
        api_version: 11,
        deadline,
        waiter: "caller",
    }
}

#[test]
fn responses_take_requests_in_order() {
    let now = Instant::now();
    let mut ring = InFlightRequests::new();
    for id in [7, 8, 9] {
        ring.push(request(id, now));
    }
    for id in [7, 8, 9] {
        assert_eq!(ring.handle_response(id).unwrap().correlation_id, id);
    }
    assert!(ring.is_empty());
}

#[test]
fn mismatch_names_both_and_keeps_the_ring() {
    let mut ring = InFlightRequests::new();
    ring.push(request(7, Instant::now()));
    let error = ring.handle_response(8).unwrap_err();
    assert_eq!(error, MismatchedResponse { received: 8, expected: Some((7, ApiKey::FETCH)) });
    let text = error.to_string();
    assert!(text.contains("correlation id 8") && text.contains("Fetch with 7"), "{text}");
    assert_eq!(ring.len(), 1);
}

#[test]
fn response_to_nothing_is_a_mismatch() {
    let mut ring = InFlightRequests::<()>::new();
    let error = ring.handle_response(3).unwrap_err();
    assert_eq!(error.expected, None);
    assert!(error.to_string().contains("no request is in flight"));
}

#[test]
fn earliest_deadline_expires_even_behind_later_ones() {
    let base = Instant::now();
    let mut ring = InFlightRequests::new();
    ring.push(request(1, base + Duration::from_secs(30)));
    ring.push(request(2, base + Duration::from_secs(5)));
    ring.push(request(3, base + Duration::from_secs(4)));
    assert_eq!(ring.next_deadline(), Some(base + Duration::from_secs(4)));
    assert!(ring.expired(base + Duration::from_secs(3)).is_none());
    let expired = ring.expired(base + Duration::from_secs(6)).unwrap();
    assert_eq!(expired.correlation_id, 3);
    assert_eq!(ring.len(), 3, "the request keeps its place");
}

#[test]
fn deadline_becomes_exact_again_when_it_is_reached() {
    let base = Instant::now();
    let mut ring = InFlightRequests::new();
    ring.push(request(1, base + Duration::from_secs(1)));
    ring.push(request(2, base + Duration::from_secs(2)));
    ring.handle_response(1).unwrap();
    assert!(ring.expired(base + Duration::from_secs(1)).is_none());
    assert_eq!(ring.next_deadline(), Some(base + Duration::from_secs(2)));
    ring.handle_response(2).unwrap();
    assert_eq!(ring.next_deadline(), None);
}

#[test]
fn drain_gives_everything_back_in_order() {
    let now = Instant::now();
    let mut ring = InFlightRequests::new();
    for id in 0..3 {
        ring.push(request(id, now));
    }
    let ids: Vec<i32> = ring.drain().map(|request| request.correlation_id).collect();
    assert_eq!(ids, [0, 1, 2]);
    assert_eq!(ring.next_deadline(), None);
}

#[derive(Clone, Debug)]
enum Step {
    Push { timeout_ms: u64 },
    Respond,
    Pass { ms: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_u64..100).prop_map(|timeout_ms| Step::Push { timeout_ms }),
        Just(Step::Respond),
        (0_u64..50).prop_map(|ms| Step::Pass { ms }),
    ]
}

proptest! {
    #[test]
    fn agrees_with_a_plain_list(steps in prop::collection::vec(step(), 0..60)) {
        let mut now = Instant::now();
        let mut next_id = 0;
        let mut ring = InFlightRequests::new();
        let mut model: Vec<(i32, Instant)> = Vec::new();
        for step in steps {
            match step {
                Step::Push { timeout_ms } => {
                    let deadline = now + Duration::from_millis(timeout_ms);
                    ring.push(request(next_id, deadline));
                    model.push((next_id, deadline));
                    next_id += 1;
                }
                Step::Respond if model.is_empty() => {
                    prop_assert!(ring.handle_response(next_id).is_err());
                }
                Step::Respond => {
                    let (id, _) = model.remove(0);
                    prop_assert_eq!(ring.handle_response(id).unwrap().correlation_id, id);
                }
                Step::Pass { ms } => now += Duration::from_millis(ms),
            }
            let earliest = model.iter().map(|(_, deadline)| *deadline).min();
            prop_assert_eq!(ring.next_deadline().is_some(), earliest.is_some());
            prop_assert!(ring.next_deadline() <= earliest);
            let expired = ring.expired(now).map(|request| request.deadline);
            prop_assert_eq!(expired, earliest.filter(|deadline| *deadline <= now));
        }
    }
}
