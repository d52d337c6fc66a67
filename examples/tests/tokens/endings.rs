//! Tests each end of a stream, and what it says of the answer.
//!
//! Official clients take most of these for a complete answer.

use breaker_examples::assistant::{
    tokens::{Event, decode},
    wire::finish::Finish,
};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::oneshot;

use crate::common::{DONE, HELLO, Held, ROLE, STOP, USAGE, events, seen, seen_until_it_breaks};

#[test]
fn a_finish_reason_and_done_end_the_answer() {
    assert_eq!(seen(&events([ROLE, HELLO, STOP, USAGE, DONE])), r#""Hello" Stop done"#);
}

#[test]
fn a_finish_reason_alone_ends_the_answer() {
    assert_eq!(seen(&events([ROLE, HELLO, STOP])), r#""Hello" Stop done"#);
    assert_eq!(seen(&events([ROLE, HELLO, STOP, USAGE])), r#""Hello" Stop done"#);
}

#[test]
fn done_alone_ends_the_answer() {
    assert_eq!(seen(&events([ROLE, HELLO, DONE])), r#""Hello" done"#);
    assert_eq!(seen(&format!("{}data:[DONE]\n\n", events([HELLO]))), r#""Hello" done"#);
}

#[test]
fn an_orderly_end_without_either_is_a_cut() {
    assert_eq!(seen(&events([ROLE, HELLO])), r#""Hello" cut!"#);
    assert_eq!(seen(&events([ROLE])), "cut!");
    assert_eq!(seen(""), "cut!");
    assert_eq!(seen(": keep-alive\n\n"), "cut!");
    // Not an event stream at all.
    assert_eq!(seen("<html><body>502 Bad Gateway</body></html>"), "cut!");
    assert_eq!(seen(r#"{"error":{"message":"no stream"}}"#), "cut!");
}

#[test]
fn half_an_event_is_a_cut() {
    let rest = format!("data: {HELLO}");
    for at in 1..rest.len() {
        assert_eq!(seen(&format!("{}{}", events([HELLO]), &rest[..at])), r#""Hello" cut!"#, "{at}");
    }
    for end in ["data: [DONE", "data: {\"error\":", "event: err", "data: {\"choices\":[{\"text\":\"\u{e9}"] {
        assert_eq!(seen(&format!("{}{end}", events([HELLO]))), r#""Hello" cut!"#, "{end}");
    }
}

#[test]
fn an_event_without_its_blank_line_is_an_event_at_the_end() {
    for end in ["", "\n", "\r", "\r\n"] {
        assert_eq!(seen(&format!("{}data: {STOP}{end}", events([HELLO]))), r#""Hello" Stop done"#, "{end:?}");
        assert_eq!(seen(&format!("{}data: [DONE]{end}", events([HELLO]))), r#""Hello" done"#, "{end:?}");
        let error = format!("{}data: {{\"error\":\"gone\"}}{end}", events([HELLO]));
        assert_eq!(seen(&error), r#""Hello" upstream!(gone)"#, "{end:?}");
    }
}

#[test]
fn a_broken_connection_is_the_bodys_error() {
    assert_eq!(seen_until_it_breaks(&events([ROLE, HELLO])), r#""Hello" broken!"#);
    assert_eq!(seen_until_it_breaks(""), "broken!");
    // An incomplete event is not read.
    assert_eq!(seen_until_it_breaks(&format!("data: {STOP}\n")), "broken!");
}

#[test]
fn nothing_takes_back_an_answer_that_is_finished() {
    let whole = events([HELLO, STOP]);
    assert_eq!(seen_until_it_breaks(&whole), r#""Hello" Stop done"#);
    for more in ["data: {\"error\":\"late\"}\n\n", "event: error\ndata: {}\n\n", "data: {\n\n", "data: \n\n", "da"] {
        assert_eq!(seen(&format!("{whole}{more}")), r#""Hello" Stop done"#, "{more:?}");
    }
}

#[test]
fn what_follows_done_is_not_read() {
    assert_eq!(seen(&events([HELLO, STOP, DONE, HELLO])), r#""Hello" Stop done"#);
    assert_eq!(seen(&events([HELLO, DONE, HELLO, "{"])), r#""Hello" done"#);
}

#[test]
fn an_end_without_a_word_is_no_answer() {
    for end in [STOP, r#"{"choices":[{"delta":{"content":""},"finish_reason":"length"}]}"#, DONE] {
        assert_eq!(seen(&events([ROLE, end])), "empty!", "{end}");
    }
    let blank = r#"{"choices":[{"delta":{"content":" \n\u200b"}}]}"#;
    assert_eq!(seen(&events([ROLE, blank, STOP])), "\" \\n\\u{200b}\" empty!");
    for (reason, word) in [("tool_calls", "ToolCalls"), ("content_filter", "Declined")] {
        let end = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{reason}"}}]}}"#);
        assert_eq!(seen(&events([ROLE, &end])), format!("{word} done"));
    }
}

#[test]
fn the_body_is_dropped_at_the_end_and_at_an_error() {
    for (text, items) in [("data: {\"choices\":[{\"text\":\"a\"}]}\n\ndata: [DONE]\n\n", 2), ("data: {\n\n", 1)] {
        let (alive, mut dropped) = oneshot::channel();
        let mut tokens = decode(Held { text: Some(text), _alive: alive });
        for _ in 0..items {
            assert!(tokens.next().now_or_never().unwrap().is_some());
        }
        assert_eq!(dropped.try_recv(), Err(oneshot::error::TryRecvError::Closed), "{text}");
    }
}

#[test]
fn finish_and_done_complete_an_answer() {
    let complete = [Event::Finish(Finish::Length), Event::Done];
    let not = [Event::Token("a".to_owned()), Event::Refusal("no".to_owned()), Event::Aside];
    assert!(complete.iter().all(Event::completes));
    assert!(!not.iter().any(Event::completes));
}
