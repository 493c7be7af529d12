//! CRC-32C of a batch whose header changes while its records stay.
//!
//! The checksum is linear: when the first part of the covered bytes changes, the new checksum
//! differs from the old one by the difference of the two parts' checksums, moved over the bytes
//! behind them. So only the 40 header bytes are hashed again, whatever the batch's length is.

/// The Castagnoli polynomial, reflected, without its highest term.
const POLYNOMIAL: u32 = 0x82F6_3B78;
/// x^(8 * 2^k) modulo the polynomial: how a checksum moves over 2^k bytes. A batch is shorter
/// than 2^31 bytes.
const POWERS: [u32; 32] = powers();

/// The checksum of `new` followed by a body of `body_len` bytes, when `crc` is the one of `old`
/// followed by the same body.
pub(super) fn replace_prefix(crc: u32, old: &[u8], new: &[u8], body_len: usize) -> u32 {
    debug_assert_eq!(old.len(), new.len(), "the rule holds for parts of one length");
    crc ^ advance(crc32c::crc32c(old) ^ crc32c::crc32c(new), body_len)
}

/// Up to this many bytes are moved over by hashing as many zeros, which the processor does faster
/// than a few multiplications.
const ZEROS: [u8; 1 << 10] = [0; 1 << 10];

/// Multiplies a checksum by x^(8 * len).
fn advance(mut crc: u32, len: usize) -> u32 {
    // Hashing inverts before and after; that is undone here.
    crc = !crc32c::crc32c_append(!crc, &ZEROS[..len % ZEROS.len()]);
    let mut power = ZEROS.len().trailing_zeros() as usize;
    let mut len = len / ZEROS.len();
    while len != 0 {
        if len & 1 != 0 {
            crc = multiply(crc, POWERS[power]);
        }
        len >>= 1;
        power += 1;
    }
    crc
}

/// The product of two reflected polynomials modulo the Castagnoli polynomial.
const fn multiply(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    let mut bit = 0;
    while bit < 32 {
        // All ones when the bit is set: no branch to be mispredicted.
        product ^= b & 0_u32.wrapping_sub((a >> (31 - bit)) & 1);
        b = (b >> 1) ^ (POLYNOMIAL & 0_u32.wrapping_sub(b & 1));
        bit += 1;
    }
    product
}

const fn powers() -> [u32; 32] {
    let mut powers = [0; 32];
    // x^8 in reflected order: the highest bit is x^0.
    powers[0] = 1 << (31 - 8);
    let mut index = 1;
    while index < 32 {
        powers[index] = multiply(powers[index - 1], powers[index - 1]);
        index += 1;
    }
    powers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advancing_and_adding_equals_hashing_all() {
        let bytes: Vec<u8> = (0..70_000_u32).map(|i| (i * 31 % 251) as u8).collect();
        for split in [0, 1, 40, 61, 1000, 65_536, 69_999, 70_000] {
            let (first, second) = bytes.split_at(split);
            let (a, b) = (crc32c::crc32c(first), crc32c::crc32c(second));
            assert_eq!(advance(a, second.len()) ^ b, crc32c::crc32c(&bytes));
            assert_eq!(advance(a, second.len()) ^ b, crc32c::crc32c_combine(a, b, second.len()));
        }
    }

    #[test]
    fn replacing_a_prefix_equals_hashing_all() {
        let mut bytes: Vec<u8> = (0..5_000_u32).map(|i| (i * 7 % 253) as u8).collect();
        let crc = crc32c::crc32c(&bytes);
        let old = bytes[..40].to_vec();
        bytes[..40].fill(0x5a);
        assert_eq!(replace_prefix(crc, &old, &bytes[..40], 4_960), crc32c::crc32c(&bytes));
    }
}
