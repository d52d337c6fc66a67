//! Mutates kept inputs by a seed, for toolchains without libFuzzer.

use fastrand::Rng;

/// An input from `corpus` with one to eight changes, many of which insert a word of `words`.
#[must_use]
pub fn mutated(rng: &mut Rng, corpus: &[String], words: &[String]) -> String {
    let mut bytes = pick(rng, corpus).clone().into_bytes();
    for _ in 0..rng.usize(1..=8) {
        let (word, other) = (pick(rng, words), pick(rng, corpus));
        change(rng, &mut bytes, word.as_bytes(), other.as_bytes());
    }
    bytes.truncate(crate::LONGEST);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn change(rng: &mut Rng, bytes: &mut Vec<u8>, word: &[u8], other: &[u8]) {
    let range = span(rng, bytes.len());
    match rng.u8(0..7) {
        0 => drop(bytes.drain(range)),
        1 => drop(bytes.splice(range, word.iter().copied())),
        2 => drop(bytes.splice(range.start..range.start, word.iter().copied())),
        3 => drop(bytes.splice(range, other[span(rng, other.len())].iter().copied())),
        4 => {
            let again = bytes[range.clone()].to_vec();
            drop(bytes.splice(range.end..range.end, again));
        }
        5 => bytes[range].reverse(),
        _ => bytes.insert(range.start, rng.u8(b' '..=b'~')),
    }
}

/// The place of a change: mostly a few bytes.
fn span(rng: &mut Rng, len: usize) -> std::ops::Range<usize> {
    let start = rng.usize(0..=len);
    let longest = if rng.bool() { 8 } else { 64 };
    start..len.min(start + rng.usize(0..=longest))
}

fn pick<'c>(rng: &mut Rng, all: &'c [String]) -> &'c String {
    &all[rng.usize(0..all.len())]
}
