//! What the records of a run hold: the same as those of the peers in `benches/peers`.

use milena::producer::Header;

/// How many different values there are.
const POOL_VALUES: usize = 1000;

/// The most bytes that the values have together: of large ones there are fewer.
const POOL_BYTES_MAX: usize = 64 << 20;

/// How many different keys there are.
const POOL_KEYS: usize = 10_000;

/// The headers of a record that has some.
pub(super) const HEADERS: [Header<'static>; 2] = [
    Header::new("content-type", Some(b"application/json")),
    Header::new("trace", Some(b"4bf92f3577b34da6")),
];

/// 1,000 JSON-like texts made by one xorshift generator, each of so many bytes.
pub(super) fn values(size: usize) -> Vec<Vec<u8>> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut state = 88_172_645_463_325_252_u64;
    (0..POOL_VALUES.min(POOL_BYTES_MAX / size.max(1)).max(1))
        .map(|id| {
            let mut value = format!("{{\"id\":{id},\"event\":\"click\",\"user\":\"").into_bytes();
            while value.len() < size {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                value.push(LETTERS[usize::from(state.to_le_bytes()[0] & 63)]);
            }
            value.truncate(size);
            value
        })
        .collect()
}

/// 10,000 keys of 16 bytes.
pub(super) fn keys() -> Vec<Vec<u8>> {
    (0..POOL_KEYS).map(|id| format!("key-{id:012}").into_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_the_values_of_the_peers() {
        let values = values(40);
        assert_eq!(values.len(), POOL_VALUES);
        assert!(values.iter().all(|value| value.len() == 40));
        assert!(values[7].starts_with(b"{\"id\":7,\"event\":\"click\",\"user\":\""));
    }

    #[test]
    fn makes_few_values_when_they_are_large() {
        assert_eq!(values(POOL_BYTES_MAX / 2).len(), 2);
        assert_eq!(values(POOL_BYTES_MAX + 1).len(), 1);
    }

    #[test]
    fn makes_keys_of_16_bytes() {
        let keys = keys();
        assert_eq!(keys.len(), POOL_KEYS);
        assert!(keys.iter().all(|key| key.len() == 16));
        assert_eq!(keys[42], b"key-000000000042");
    }
}
