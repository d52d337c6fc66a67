//! Tests the streams of each kind of server, and which parts are the answer.

use crate::common::{DONE, HELLO, ROLE, STOP, USAGE, events, seen};

#[test]
fn a_chat_of_llama_cpp() {
    let text = events([
        r#"{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"object":"chat.completion.chunk"}"#,
        r#"{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"Hel"}}],"object":"chat.completion.chunk"}"#,
        r#"{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"lo"}}],"object":"chat.completion.chunk"}"#,
        r#"{"choices":[{"finish_reason":"length","index":0,"delta":{}}],"object":"chat.completion.chunk"}"#,
        r#"{"choices":[],"usage":{"completion_tokens":2,"prompt_tokens":3},"timings":{"cache_n":0}}"#,
        DONE,
    ]);
    assert_eq!(seen(&text), r#""Hel" "lo" Length done"#);
}

#[test]
fn a_chat_whose_last_chunk_has_text_and_a_reason() {
    let last = r#"{"choices":[{"delta":{"content":"Hello"},"finish_reason":"stop"}],"usage":{"total_tokens":2}}"#;
    assert_eq!(seen(&events([ROLE, last])), r#""Hello" Stop done"#);
}

#[test]
fn completions() {
    let text = events([
        r#"{"choices":[{"text":"Hel","index":0,"logprobs":null,"finish_reason":null}]}"#,
        r#"{"choices":[{"text":"lo","index":0,"logprobs":null,"finish_reason":""}]}"#,
        r#"{"choices":[{"text":"","index":0,"logprobs":null,"finish_reason":"stop"}]}"#,
        USAGE,
        DONE,
    ]);
    assert_eq!(seen(&text), r#""Hel" "lo" Stop done"#);
}

#[test]
fn content_in_parts() {
    let parts = r#"[{"type":"text","text":"Hel"},{"type":"thinking","thinking":[]},{"type":"text","text":"lo"}]"#;
    let chunk = format!(r#"{{"choices":[{{"delta":{{"content":{parts}}}}}]}}"#);
    assert_eq!(seen(&events([&chunk, STOP])), r#""Hello" Stop done"#);
}

#[test]
fn tgis_own_events() {
    let text = [
        r#"{"index":1,"token":{"id":1,"text":"Hel","logprob":-0.1,"special":false},"generated_text":null,"details":null}"#,
        r#"{"index":2,"token":{"id":2,"text":"lo","logprob":-0.1,"special":false},"generated_text":null,"details":null}"#,
    ];
    for (token, reason, expected) in [
        (r#"{"id":3,"text":"</s>","special":true}"#, "eos_token", r#""Hel" "lo" Stop done"#),
        (r#"{"id":3,"text":"!","special":false}"#, "length", r#""Hel" "lo" "!" Length done"#),
        (r#"{"id":3,"text":"!"}"#, "stop_sequence", r#""Hel" "lo" "!" Stop done"#),
    ] {
        let last = format!(
            r#"{{"index":3,"token":{token},"generated_text":"Hello","details":{{"finish_reason":"{reason}","seed":null}}}}"#
        );
        // TGI writes no blank after the colon, and ends without `[DONE]`.
        let text = events([text[0], text[1], &last]).replace("data: ", "data:");
        assert_eq!(seen(&text), expected);
    }
    let last = r#"{"token":{"text":"!"},"generated_text":"Hello!","details":null}"#;
    assert_eq!(seen(&events([text[0], last])), r#""Hel" "!" Unknown done"#);
    assert_eq!(seen(&events([text[0], text[1]])), r#""Hel" "lo" cut!"#);
}

#[test]
fn reasoning_and_tool_calls_are_no_text_and_show_that_the_model_works() {
    for delta in [
        r#"{"reasoning_content":"let me see"}"#,
        r#"{"reasoning":"let me see","content":""}"#,
        r#"{"content":null,"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}"#,
        r#"{"function_call":{"name":"f"}}"#,
    ] {
        let chunk = format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#);
        assert_eq!(seen(&events([ROLE, &chunk, HELLO, STOP])), r#"aside "Hello" Stop done"#, "{delta}");
    }
    for delta in [r#"{"reasoning":null}"#, r#"{"reasoning_content":""}"#, r#"{"tool_calls":[]}"#, "{}", "null"] {
        let chunk = format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#);
        assert_eq!(seen(&events([&chunk, HELLO, STOP])), r#""Hello" Stop done"#, "{delta}");
    }
}

#[test]
fn a_refusal_is_told_apart() {
    let chunk = r#"{"choices":[{"delta":{"refusal":"I cannot."}}]}"#;
    assert_eq!(seen(&events([chunk, STOP, DONE])), r#"refusal:"I cannot." Stop done"#);
}

#[test]
fn what_is_no_text_gives_nothing() {
    for data in [ROLE, USAGE, "{}", r#"{"choices":null}"#, r#"{"type":"ping"}"#, "", " "] {
        assert_eq!(seen(&events([HELLO, data, STOP])), r#""Hello" Stop done"#, "{data}");
    }
    for text in [": keep-alive\n\n", ":\n\n", "\n", "retry: 3\n\n", "id: 7\n\n", "event: ping\n\n", "unknown: 1\n\n"] {
        assert_eq!(seen(&format!("{text}{}", events([HELLO, DONE]))), r#""Hello" done"#, "{text:?}");
    }
}

#[test]
fn what_is_no_chunk_is_an_error() {
    for data in ["<html>", "5", "null", "[]", r#""text""#, r#"{"choices":5}"#, r#"{"choices":[{"text":5}]}"#, "[done]"]
    {
        assert_eq!(seen(&events([HELLO, data, STOP])), r#""Hello" unreadable!"#, "{data}");
    }
}

#[test]
fn a_reason_that_nobody_knows_is_unknown() {
    let end = r#"{"choices":[{"delta":{},"finish_reason":"abort"}]}"#;
    assert_eq!(seen(&events([HELLO, end])), r#""Hello" Unknown done"#);
}
