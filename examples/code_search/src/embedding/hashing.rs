//! Embeds texts by feature hashing, with nothing to download and no way to fail.
//!
//! It knows words, not meanings: two texts are near when they share words, in any order. The same
//! text has the same vector on every machine and with every compiler version. A learned model by
//! URL finds more; this one is available at once.

use super::{DIMENSIONS, Vector, model::Role};
use crate::words::words;

/// Embeds a text. The hash of each word chooses one dimension and a sign to add to it. For code,
/// each pair of neighbouring words does the same.
///
/// See Weinberger et al., "Feature Hashing for Large Scale Multitask Learning" (2009). The signs
/// make the collisions cancel out on average, so the scalar product stays an unbiased estimate.
pub(super) fn embed(text: &str, role: Role) -> Vector {
    let mut weights = vec![0.0_f32; DIMENSIONS];
    let mut before: Option<String> = None;
    for word in words(text) {
        let hash = hash(&[&word]);
        add(&mut weights, hash, 1.0);
        // `read` and `lock` are in most functions; `read lock` describes one.
        if let (Role::Code, Some(before)) = (role, &before) {
            add(&mut weights, self::hash(&[before, &word]), 0.5);
        }
        before = Some(word);
    }
    // A word that occurs ten times says little more than one that occurs twice. (The root is exact,
    // which a logarithm is not.)
    weights.iter_mut().for_each(|weight| *weight = weight.signum() * weight.abs().sqrt());
    Vector::unit(&weights)
}

fn add(weights: &mut [f32], hash: u64, weight: f32) {
    let sign = if hash >> 63 == 0 { weight } else { -weight };
    weights[usize::try_from(hash % DIMENSIONS as u64).unwrap_or_default()] += sign;
}

/// FNV-1a over the words and a blank after each.
fn hash(words: &[&str]) -> u64 {
    let bytes = words.iter().flat_map(|word| word.bytes().chain([b' ']));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::{Role, embed};

    #[test]
    fn the_same_subject_in_other_words_is_near() {
        let query = embed("how is Retry-After parsed", Role::Text);
        assert!(query.cosine(&embed("fn parse_retry_after(header: &str)", Role::Text)) > 0.6);
        assert!(query.cosine(&embed("fn open_the_door(key: Key)", Role::Text)).abs() < 0.2);
    }

    #[test]
    fn neighbours_tell_code_apart() {
        let query = embed("read lock", Role::Code);
        let near = query.cosine(&embed("read lock write unlock", Role::Code));
        assert!(near > query.cosine(&embed("lock write read unlock", Role::Code)));
    }

    #[test]
    fn a_vector_is_the_same_everywhere() {
        let bytes = embed("the same on every machine", Role::Code).bytes();
        let sum = bytes.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
        assert_eq!((bytes.len(), sum), (4 + 768, SUM));
    }

    const SUM: u64 = 5_927_410_311_980_729_667;
}
