//! Tests the limits of the decoder's memory.

use breaker_examples::assistant::tokens::Limits;
use bytes::Bytes;

use crate::common::{DONE, HELLO, events, seen_within};

fn pieces(text: &str, size: usize) -> Vec<Bytes> {
    text.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect()
}

const LIMITS: Limits = Limits { event: 200, answer: 2000 };

#[test]
fn an_event_without_an_end_is_an_error() {
    let long = format!("{}data: {}", events([HELLO]), "x".repeat(10_000));
    for size in [1, 7, 200, 20_000] {
        assert_eq!(seen_within(LIMITS, pieces(&long, size)), r#""Hello" longer-than-200!"#, "{size}");
    }
}

#[test]
fn so_are_many_lines_without_a_blank_one() {
    for line in ["data: x\n", "id: 1\r\n", "x: y\r", "event: e\n"] {
        let long = format!("{}{}", events([HELLO]), line.repeat(100));
        assert_eq!(seen_within(LIMITS, pieces(&long, 64)), r#""Hello" longer-than-200!"#, "{line:?}");
    }
}

#[test]
fn many_short_events_are_none_however_they_arrive() {
    for end in ["\n", "\r\n", "\r"] {
        let text = events([HELLO]).repeat(20).replace('\n', end) + &events([DONE]).replace('\n', end);
        for size in [1, 13, 5000] {
            let seen = seen_within(Limits { event: 200, answer: 5000 }, pieces(&text, size));
            assert_eq!(seen, r#""Hello" "#.repeat(20) + "done", "{end:?} {size}");
        }
    }
}

#[test]
fn the_whole_answer_has_a_limit_with_its_comments() {
    let comments = ": keep-alive\n\n".repeat(1000);
    assert_eq!(seen_within(LIMITS, pieces(&comments, 100)), "longer-than-2000!");
    let text = events([HELLO]).repeat(100);
    assert!(seen_within(LIMITS, pieces(&text, 100)).ends_with(r#""Hello" longer-than-2000!"#));
}

#[test]
fn what_came_before_the_byte_that_is_too_many_counts() {
    let text = events([HELLO, DONE]);
    let exact = Limits { event: 200, answer: text.len() };
    assert_eq!(seen_within(exact, pieces(&text, 5)), r#""Hello" done"#);
    let tight = Limits { answer: text.len() - 1, ..exact };
    assert_eq!(
        seen_within(tight, pieces(&text, 1000)),
        r#""Hello" longer-than-92!"#.replace("92", &tight.answer.to_string())
    );
}
