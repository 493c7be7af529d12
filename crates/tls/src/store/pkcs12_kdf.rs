//! PKCS#12's own way from a password to key, initialisation vector and key of the MAC.
//!
//! Spec: RFC7292#B.2.

use sha2::Digest;
use zeroize::Zeroizing;

use crate::password::Password;

/// What the bytes are for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Key = 1,
    InitialisationVector = 2,
    Mac = 3,
}

/// Derives `length` bytes with a hash whose blocks have `block` bytes. Takes `rounds` rounds of the
/// hash for as many bytes as the hash has.
pub(super) fn derive<D: Digest>(
    block: usize,
    password: &Password,
    salt: &[u8],
    (purpose, rounds): (Purpose, u32),
    length: usize,
) -> Zeroizing<Vec<u8>> {
    let diversifier = vec![purpose as u8; block];
    let mut input = Zeroizing::new(Vec::new());
    extend_to_blocks(&mut input, salt, block);
    extend_to_blocks(&mut input, &bmp(password), block);
    let mut derived = Zeroizing::new(Vec::new());
    while derived.len() < length {
        let mut hash = D::new().chain_update(&diversifier).chain_update(&input).finalize();
        for _ in 1..rounds {
            hash = D::digest(&hash);
        }
        derived.extend_from_slice(&hash);
        for number in input.chunks_mut(block) {
            add_one_and(number, &hash);
        }
    }
    derived.truncate(length);
    derived
}

/// The password as a BMPString that ends with a null.
fn bmp(password: &Password) -> Zeroizing<Vec<u8>> {
    let units = password.expose().encode_utf16().chain([0]);
    Zeroizing::new(units.flat_map(u16::to_be_bytes).collect())
}

/// Repeats `bytes` until they fill whole blocks.
fn extend_to_blocks(input: &mut Vec<u8>, bytes: &[u8], block: usize) {
    let length = bytes.len().div_ceil(block) * block;
    input.extend(bytes.iter().cycle().take(length));
}

/// Adds 1 and the hash, repeated, to a number of one block.
fn add_one_and(number: &mut [u8], hash: &[u8]) {
    let summands: Vec<u8> = hash.iter().copied().cycle().take(number.len()).collect();
    let mut carry = 1;
    for (byte, summand) in number.iter_mut().zip(summands).rev() {
        let sum = u16::from(*byte) + u16::from(summand) + carry;
        [_, *byte] = sum.to_be_bytes();
        carry = sum >> 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha1::Sha1;

    /// Vectors that are in use among implementations since 1999, for the password "smeg".
    #[test]
    fn derives_what_others_derive() {
        let salt = [0x0a, 0x58, 0xcf, 0x64, 0x53, 0x0d, 0x82, 0x3f];
        let password = Password::from("smeg");
        let key = derive::<Sha1>(64, &password, &salt, (Purpose::Key, 1), 24);
        let expected = [
            0x8a, 0xaa, 0xe6, 0x29, 0x7b, 0x6c, 0xb0, 0x46, 0x42, 0xab, 0x5b, 0x07, 0x78, 0x51,
            0x28, 0x4e, 0xb7, 0x12, 0x8f, 0x1a, 0x2a, 0x7f, 0xbc, 0xa3,
        ];
        assert_eq!(key.as_slice(), expected);
        let vector = derive::<Sha1>(64, &password, &salt, (Purpose::InitialisationVector, 1), 8);
        assert_eq!(vector.as_slice(), [0x79, 0x99, 0x3d, 0xfe, 0x04, 0x8d, 0x3b, 0x76]);
    }
}
