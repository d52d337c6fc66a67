//! Hashes keys with secret seeds, since a client may choose the keys.
//!
//! Folded multiplication, as in wyhash (Wang Yi) and foldhash (Orson Peters). An attacker with many
//! hashes could find colliding keys. But no hash is shown, and `max_keys` bounds how many keys can
//! collide.

use crate::sync;

pub(crate) struct KeyHash {
    seeds: [u64; 3],
}

impl Default for KeyHash {
    fn default() -> Self {
        Self { seeds: [sync::seed(), sync::seed(), sync::seed()] }
    }
}

impl KeyHash {
    #[inline]
    pub(crate) fn of(&self, key: &str) -> u64 {
        let [first, second, third] = self.seeds;
        let mut sum = first;
        let mut rest = key.as_bytes();
        while let Some((&part, after)) = rest.split_first_chunk::<16>() {
            let part = u128::from_le_bytes(part);
            sum = fold(part as u64 ^ sum, (part >> 64) as u64 ^ second);
            rest = after;
        }
        let (low, high) = ends(rest);
        // The length is added separately: combined with the ends it could cancel differences
        // between them.
        fold(fold(low ^ sum, high ^ second) ^ key.len() as u64, third)
    }

    /// A hash combined with another number.
    pub(crate) fn with(&self, hash: u64, more: u64) -> u64 {
        let [first, _, third] = self.seeds;
        fold(hash ^ third, more ^ first)
    }
}

/// Both halves of the product of two numbers, in one.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Less than 16 bytes as two numbers. Different bytes of the same length have different numbers.
#[inline]
fn ends(bytes: &[u8]) -> (u64, u64) {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into())
    } else if let [first, .., last] = bytes {
        (u64::from(*first) | u64::from(bytes[bytes.len() / 2]) << 8, (*last).into())
    } else {
        (bytes.first().copied().unwrap_or_default().into(), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn keys_of_each_length_that_differ_in_one_byte_have_other_hashes() {
        let hash = KeyHash::default();
        let mut hashes = HashSet::new();
        for length in 0..70 {
            let key = "a".repeat(length);
            assert!(hashes.insert(hash.of(&key)), "{length}");
            for at in 0..length {
                for byte in ["b", "c", "d", "e", "`", "q"] {
                    let other = format!("{}{byte}{}", &key[..at], &key[at + 1..]);
                    assert!(hashes.insert(hash.of(&other)), "{other}");
                }
            }
        }
    }

    #[test]
    fn seeds_decide_what_the_hash_is() {
        let of = |key| (KeyHash::default().of(key), KeyHash::default().of(key));
        for key in ["", "a", "example.org", "a-long-name-of-a-host.example.org"] {
            let (one, other) = of(key);
            assert_ne!(one, other, "{key}");
        }
    }

    #[test]
    fn consecutive_keys_are_spread_over_the_bits_that_are_used() {
        let hash = KeyHash::default();
        for bits in [0..7, 25..32, 32..37] {
            let mut found = vec![0_u32; 1 << bits.len()];
            (0..64_000).for_each(|n| {
                let bits = hash.of(&format!("host-{n:06}.example")) >> bits.start & ((1 << bits.len()) - 1);
                found[bits as usize] += 1;
            });
            let mean = 64_000 / found.len() as u32;
            assert!(found.iter().all(|n| (mean / 2..mean * 2).contains(n)), "{bits:?}: {found:?}");
        }
    }
}
