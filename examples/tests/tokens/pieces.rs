//! Tests that the bytes of an answer may arrive in any pieces, with each standard line ending.

use breaker_examples::assistant::tokens::Limits;
use bytes::Bytes;
use proptest::{collection::vec, prelude::*, sample::select};

use crate::common::{DONE, ROLE, STOP, events, seen, seen_within};

/// Text with characters of two, three and four bytes.
const WORDS: &str = r#"{"choices":[{"delta":{"content":"déjà ▁ 🦀"}}]}"#;

fn answer() -> String {
    events([ROLE, WORDS, STOP, DONE])
}

const SEEN: &str = r#""déjà ▁ 🦀" Stop done"#;

fn cut_at(text: &[u8], size: usize) -> Vec<Bytes> {
    text.chunks(size).map(Bytes::copy_from_slice).collect()
}

#[test]
fn lines_end_with_lf_crlf_or_cr() {
    for end in ["\n", "\r\n", "\r"] {
        let text = answer().replace('\n', end);
        for size in 1..text.len() {
            assert_eq!(seen_within(Limits::default(), cut_at(text.as_bytes(), size)), SEEN, "{end:?} {size}");
        }
    }
}

#[test]
fn a_byte_order_mark_may_come_first() {
    for text in [format!("\u{feff}{}", answer()), format!("\u{feff}: comment\n\n{}", answer())] {
        for size in 1..8 {
            assert_eq!(seen_within(Limits::default(), cut_at(text.as_bytes(), size)), SEEN, "{size}");
        }
    }
}

#[test]
fn the_blank_after_the_colon_may_be_missing() {
    assert_eq!(seen(&answer().replace("data: ", "data:")), SEEN);
}

#[test]
fn data_may_have_several_lines() {
    let (front, back) = WORDS.split_at(12);
    let text = answer().replace(WORDS, &format!("{front}\ndata: {back}"));
    assert_eq!(seen(&text), SEEN);
    let text = answer().replace(WORDS, &format!("{front}\n: comment\nid: 3\ndata:{back}\nretry: 5"));
    assert_eq!(seen(&text), SEEN);
}

#[test]
fn bytes_that_are_no_utf8_are_an_error_and_in_a_comment_nothing() {
    let bad = |line: &[u8]| [line, b"\n\n", answer().as_bytes()].concat();
    assert_eq!(seen_within(Limits::default(), cut_at(&bad(b"data: \xff"), 3)), "unreadable!");
    assert_eq!(seen_within(Limits::default(), cut_at(&bad(b": \xff"), 3)), SEEN);
}

#[test]
fn bytes_that_end_in_a_character_are_a_cut() {
    let text = answer();
    let inside = text.find('é').unwrap() + 1;
    assert_eq!(seen_within(Limits::default(), cut_at(&text.as_bytes()[..inside], 5)), "cut!");
}

/// Parts of streams, valid and invalid ones.
const PARTS: [&str; 24] = [
    "data: ",
    "data:",
    "data",
    "event: error",
    "event:",
    ": keep-alive",
    ":",
    "id: 1",
    "\n",
    "\n\n",
    "\r",
    "\r\n",
    "\r\n\r\n",
    "\u{feff}",
    "[DONE]",
    ROLE,
    WORDS,
    STOP,
    "{\"error\":\"gone\"}",
    "{\"choices\":[]}",
    "{",
    "\u{e9}\u{1f980}",
    "data: {\"choices\":[{\"text\":\"a\"}]}\n\n",
    "data: {\"token\":{\"text\":\"b\"}}\r\n\r\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_bytes_give_the_same_in_any_pieces(
        parts in vec(select(&PARTS[..]), 0..24),
        cuts in vec(1_usize..12, 1..40),
        most in prop_oneof![Just(40_usize), Just(1 << 20)],
    ) {
        let text = parts.concat().into_bytes();
        let limits = Limits { event: most, answer: 400 };
        let mut pieces = Vec::new();
        let mut rest = &text[..];
        for cut in cuts.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            pieces.push(Bytes::copy_from_slice(piece));
            rest = after;
        }
        let whole = seen_within(limits, vec![Bytes::from(text)]);
        prop_assert_eq!(seen_within(limits, pieces), whole);
    }
}
