//! The hash that Kafka's clients use to place a key.
//!
//! Spec: java/Utils.murmur2@4.x: 32-bit MurmurHash2 with the seed `0x9747b28c`, and the partition is
//! the hash without its sign bit, modulo the number of partitions.

const SEED: u32 = 0x9747_b28c;
const MULTIPLIER: u32 = 0x5bd1_e995;
const ROTATION: u32 = 24;

/// MurmurHash2 of `data` with Kafka's seed.
#[must_use]
pub fn murmur2(data: &[u8]) -> u32 {
    // Kafka's lengths fit an i32, so the truncation never changes one.
    #[expect(clippy::cast_possible_truncation, reason = "the algorithm takes the low 32 bits")]
    let mut hash = SEED ^ (data.len() as u32);
    let (words, tail) = data.as_chunks::<4>();
    for word in words {
        hash = hash.wrapping_mul(MULTIPLIER) ^ mixed(u32::from_le_bytes(*word));
    }
    if !tail.is_empty() {
        for (index, byte) in tail.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * index);
        }
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

/// The index of the partition that `key` belongs to among `partitions` of them.
///
/// # Panics
///
/// When `partitions` is zero.
#[must_use]
pub fn partition_for_key(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions
}

const fn mixed(word: u32) -> u32 {
    let word = word.wrapping_mul(MULTIPLIER);
    (word ^ (word >> ROTATION)).wrapping_mul(MULTIPLIER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_java_does() {
        // Spec-test: java/UtilsTest@4.x: the values that Kafka's own test pins.
        let vectors: [(&[u8], i32); 7] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            (b"abc", 479_470_107),
            (b"", 275_646_681),
        ];
        for (key, expected) in vectors {
            assert_eq!(murmur2(key).cast_signed(), expected, "{}", key.escape_ascii());
        }
    }

    #[test]
    fn partitions_are_below_their_count() {
        for count in 1..20 {
            for key in 0..200_u32 {
                assert!(partition_for_key(&key.to_be_bytes(), count) < count);
            }
        }
    }
}
