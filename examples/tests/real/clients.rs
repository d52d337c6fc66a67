//! Tests the embedded API with the official Python clients.
//!
//! They read its answers, its refusals, and each end of its streams.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use breaker_examples::assistant::upstream::{Behaviour, StreamEnd, Streaming, Upstream};
use breaker_servers::python;
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

/// Makes the calls that its input requests.
const CALLER: &str = include_str!("clients.py");

/// The source of the embedded API's answer.
const PROMPT: &str = "[1] Bread: Bake it quite long. \nQuestion: How long do I bake bread?";
const ANSWER: &str = "Bake it quite long.";

const KEY: &str = "right";

/// Both clients, in a process of their own.
struct Clients {
    child: Child,
    orders: ChildStdin,
    results: BufReader<ChildStdout>,
    _home: TempDir,
}

/// A method of a client.
#[derive(Clone, Copy, Debug)]
struct Call {
    client: &'static str,
    name: &'static str,
    /// The part of the API's address that the client does not add.
    route: &'static str,
}

const CALLS: [Call; 7] = [
    Call { client: "openai", name: "chat", route: "" },
    Call { client: "openai", name: "completion", route: "" },
    Call { client: "huggingface_hub", name: "chat", route: "" },
    Call { client: "huggingface_hub", name: "chat", route: "/v1" },
    Call { client: "huggingface_hub", name: "text", route: "/generate" },
    Call { client: "huggingface_hub", name: "text", route: "/models/any" },
    Call { client: "huggingface_hub", name: "text", route: "" },
];

/// A client's result of a call.
#[derive(Debug, Deserialize)]
struct Seen {
    /// The text before the error, if there was one.
    text: String,
    finish: Option<String>,
    /// The name of the error's class.
    error: Option<String>,
    status: Option<u16>,
    says: Option<String>,
}

impl Clients {
    fn start() -> Option<Self> {
        let python = python("llm-clients")?;
        let home = tempfile::tempdir().unwrap();
        let script = home.path().join("clients.py");
        std::fs::write(&script, CALLER).unwrap();
        // An empty environment: no key, no proxy, no address of the user's.
        let mut command = Command::new(python);
        command.arg(script).env_clear().env("HOME", home.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (orders, results) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Some(Self { child, orders, results, _home: home })
    }

    fn call(&mut self, upstream: &Upstream, call: Call, key: &str, streams: bool) -> Seen {
        let Call { client, name, route } = call;
        // TGI has a separate route for streams.
        let streamed = if streams && route == "/generate" { "_stream" } else { "" };
        let url = upstream.url() + route + streamed;
        let order =
            json!({"client": client, "call": name, "url": url, "key": key, "prompt": PROMPT, "streams": streams});
        writeln!(self.orders, "{order}").unwrap();
        let mut result = String::new();
        self.results.read_line(&mut result).unwrap();
        serde_json::from_str(&result).unwrap()
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn upstream() -> Upstream {
    let upstream = Upstream::start(0).await.unwrap();
    upstream.want_key(KEY);
    upstream
}

// The calls block their thread, so the API needs another one.
#[tokio::test(flavor = "multi_thread")]
async fn answers_and_streams_are_whole() {
    let Some(mut clients) = Clients::start() else { return };
    let upstream = upstream().await;
    for call in CALLS {
        for streams in [false, true] {
            let seen = clients.call(&upstream, call, KEY, streams);
            assert_eq!((seen.error, seen.says), (None, None), "{call:?} {streams}");
            // The inference API returns the prompt too, without streaming.
            assert_eq!(seen.text.trim_start_matches(PROMPT).trim(), ANSWER, "{call:?} {streams}");
            let finish = match call.name {
                "text" => streams.then_some("eos_token"),
                _ => Some("stop"),
            };
            assert_eq!(seen.finish.as_deref(), finish, "{call:?} {streams}");
        }
    }
    assert_eq!(upstream.handle().received(), 14, "each call is one request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_an_error_with_the_apis_words() {
    let Some(mut clients) = Clients::start() else { return };
    let upstream = upstream().await;
    for call in CALLS {
        for streams in [false, true] {
            let seen = clients.call(&upstream, call, "wrong", streams);
            let class = if call.client == "openai" { "AuthenticationError" } else { "HfHubHTTPError" };
            assert_eq!((seen.error.as_deref(), seen.status), (Some(class), Some(401)), "{call:?} {streams}");
            assert!(seen.says.unwrap().contains("Invalid API Key"), "{call:?} {streams}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_the_error_that_it_stands_for_and_is_not_tried_again() {
    let Some(mut clients) = Clients::start() else { return };
    let upstream = upstream().await;
    // openai's result, then huggingface_hub's at TGI's route and at the others.
    let classes = [
        (400, "BadRequestError", "UnknownError", "BadRequestError"),
        (402, "APIStatusError", "UnknownError", "HfHubHTTPError"),
        (404, "NotFoundError", "UnknownError", "HfHubHTTPError"),
        (422, "UnprocessableEntityError", "ValidationError", "HfHubHTTPError"),
        (424, "APIStatusError", "GenerationError", "HfHubHTTPError"),
        (429, "RateLimitError", "OverloadedError", "HfHubHTTPError"),
        (500, "InternalServerError", "IncompleteGenerationError", "HfHubHTTPError"),
        (503, "InternalServerError", "UnknownError", "HfHubHTTPError"),
    ];
    for (status, openai, tgi, other) in classes {
        upstream.handle().behave(Behaviour::Error(status)).await;
        for call in CALLS {
            let class = match (call.client, call.route) {
                ("openai", _) => openai,
                (_, "/generate") => tgi,
                _ => other,
            };
            let seen = clients.call(&upstream, call, KEY, false);
            assert_eq!((seen.error.as_deref(), seen.status), (Some(class), Some(status)), "{call:?}");
            assert!(seen.says.unwrap().contains("scripted outage"), "{call:?} {status}");
        }
    }
    assert_eq!(upstream.handle().received(), 7 * 8);
}

/// Both clients return all earlier text. Where a client takes the end for an orderly one, there is
/// no error here.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_as_the_client_takes_it() {
    let Some(mut clients) = Clients::start() else { return };
    let upstream = upstream().await;
    // The finish reason, openai's error, and huggingface_hub's.
    let ends = [
        (StreamEnd::Whole, Some("stop"), None, None),
        (StreamEnd::NoDone, Some("stop"), None, None),
        (StreamEnd::NoFinish, None, None, None),
        (StreamEnd::Cut, None, None, None),
        (StreamEnd::HalfEvent, None, None, Some("JSONDecodeError")),
        (StreamEnd::Break, None, Some("APIConnectionError"), Some("RemoteProtocolError")),
        (StreamEnd::Error(503), None, Some("APIError"), Some("UnknownError")),
        (StreamEnd::ErrorEvent, None, None, None),
        (StreamEnd::Finish("length"), Some("length"), None, None),
        (StreamEnd::Finish("content_filter"), Some("content_filter"), None, None),
    ];
    for (then, finish, openai, hub) in ends {
        upstream.handle().behave(Behaviour::Streams(Streaming { tokens: 2, gap: Duration::ZERO, then })).await;
        for call in CALLS {
            let seen = clients.call(&upstream, call, KEY, true);
            let error = if call.client == "openai" { openai } else { hub };
            assert_eq!((seen.text.as_str(), seen.error.as_deref()), ("Bake it", error), "{then}: {call:?}");
            let finish =
                finish.map(|finish| if (call.name, finish) == ("text", "stop") { "eos_token" } else { finish });
            assert_eq!(seen.finish.as_deref(), finish, "{then}: {call:?}");
        }
    }
}
