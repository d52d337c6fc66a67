//! Runs the examples of the guide that are tests, and checks the numbers on its pages.
//!
//! `documents.rs` compares the examples with the pages: they are equal up to their indentation.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod testing {
    mod outage {
        use breaker_core::{State, circuit_breaker, fallback, testing};
        use std::io;

        #[circuit_breaker(name = "weather_api", timeout = "2s")]
        #[fallback(yesterday)]
        async fn weather(city: &str) -> io::Result<String> {
            Err(io::Error::other(format!("503 for {city}"))) // the call of the service
        }

        async fn yesterday(city: &str) -> Option<String> {
            Some(format!("{city}: as yesterday"))
        }

        #[tokio::test(start_paused = true)]
        async fn yesterdays_weather_is_served_in_an_outage() {
            testing::isolated(async {
                let breaker = testing::breaker("weather_api");
                testing::open(&breaker);
                assert_eq!(weather("Oslo").await.unwrap(), "Oslo: as yesterday");
                testing::half_open(&breaker).await; // the 30 s until then pass at once
                assert!(weather("Oslo").await.is_err(), "a failed probe returns its own error");
                testing::assert_state(&breaker, State::Open);
            })
            .await;
        }
    }

    mod events {
        use breaker_core::{circuit_breaker, testing};
        use std::io;

        #[circuit_breaker(name = "billing_api", fail_max = 1)]
        async fn bill() -> io::Result<()> {
            Err(io::Error::other("refused")) // the call of the service
        }

        #[tokio::test(start_paused = true)]
        async fn a_failure_opens_it_and_the_next_call_is_rejected() {
            testing::isolated(async {
                let events = testing::record();
                bill().await.unwrap_err();
                bill().await.unwrap_err();
                events.assert(["billing_api: failure", "billing_api: closed -> open", "billing_api: rejected"]);
            })
            .await;
        }
    }

    mod service {
        use axum::{Router, body::Body, http::Request, routing::get};
        use breaker_axum::Unavailable;
        use breaker_core::{CircuitBreakerError, circuit_breaker, testing};
        use tower::ServiceExt as _;

        #[circuit_breaker(name = "search")]
        async fn search() -> Result<String, CircuitBreakerError> {
            Ok("found".to_owned()) // the call of the service
        }

        async fn handler() -> Result<String, Unavailable> {
            Ok(search().await?)
        }

        #[tokio::test(start_paused = true)]
        async fn users_get_503_and_a_time_in_an_outage() {
            testing::isolated(async {
                testing::open(&testing::breaker("search"));
                let app = Router::new().route("/search", get(handler));
                let request = Request::get("/search").body(Body::empty()).unwrap();
                let response = app.oneshot(request).await.unwrap();
                assert_eq!(response.status(), 503);
                assert_eq!(response.headers()["retry-after"], "30");
            })
            .await;
        }
    }

    mod existing_suites {
        use breaker_core::{Registry, State, circuit_breaker, fallback, testing};
        use std::io;
        use std::process::Command;

        #[circuit_breaker(name = "without_breakers", fail_max = 1)]
        #[fallback(value(7), on(failure))]
        fn answers_failures() -> io::Result<u8> {
            Err(io::Error::other("refused"))
        }

        #[tokio::test]
        async fn a_disabled_breaker_leaves_fallbacks_on_failure() {
            testing::isolated(async {
                Registry::global().load_env_from([("CIRCUIT_BREAKER_ENABLED", "false")]).unwrap();
                assert_eq!([answers_failures().unwrap(), answers_failures().unwrap()], [7, 7]);
                testing::assert_state(&testing::breaker("without_breakers"), State::Disabled);
            })
            .await;
        }

        /// Runs the tests above in a process with the variables of the page.
        #[test]
        fn isolated_tests_do_not_read_the_variables_of_the_process() {
            for module in ["outage", "events", "service"] {
                let ran = Command::new(std::env::current_exe().unwrap())
                    .arg(format!("testing::{module}::"))
                    .env("CIRCUIT_BREAKER_ENABLED", "false")
                    .env("CIRCUIT_BREAKER_RETRY", "false")
                    .env("CIRCUIT_BREAKER_CALL_TIMEOUT", "off")
                    .output()
                    .unwrap();
                let text = String::from_utf8_lossy(&ran.stdout);
                assert!(ran.status.success() && text.contains("1 passed"), "{text}");
            }
        }

        /// tokio advances a paused clock while a task waits for a socket.
        #[tokio::test(start_paused = true)]
        async fn a_paused_clock_jumps_while_a_task_waits_for_a_socket() {
            let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let accepts = silent.accept();
            let hour = std::time::Duration::from_secs(3600);
            assert!(tokio::time::timeout(hour, accepts).await.is_err(), "the hour passes at once");
        }
    }
}

mod operating {
    use breaker_core::metrics::NAMES;
    use std::collections::BTreeSet;
    use std::fs;

    const PAGE: &str = include_str!("../../docs/guide/operating.md");

    /// What stands in code style at the start of a row of a table.
    pub(crate) fn rows(page: &str) -> impl Iterator<Item = &str> {
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(first, _)| first)
    }

    #[test]
    fn the_table_has_each_metric() {
        let listed: BTreeSet<_> = rows(PAGE).filter(|row| row.starts_with("circuit_") && NAMES.contains(row)).collect();
        assert_eq!(listed, BTreeSet::from(NAMES));
    }

    #[test]
    fn each_line_of_the_log_is_a_line_of_the_library() {
        let source = fs::read_to_string("../breaker-core/src/breaker/log/mod.rs").unwrap();
        let listed: Vec<_> = rows(PAGE).filter(|row| row.starts_with("circuit_") && !NAMES.contains(row)).collect();
        assert_eq!(listed.len(), 8);
        for event_type in listed {
            assert!(source.contains(&format!("\"{event_type}\"")), "{event_type}");
        }
    }
}

mod troubleshooting {
    use crate::operating::rows;
    use breaker_core::{CircuitBreaker, Config};
    use std::fs;

    const PAGE: &str = include_str!("../../docs/guide/troubleshooting.md");

    fn section(heading: &str) -> &'static str {
        PAGE.split("\n## ").find(|section| section.starts_with(heading)).unwrap()
    }

    #[test]
    fn each_field_is_one_of_a_snapshot() {
        let breaker = CircuitBreaker::new("api", Config::new()).unwrap();
        let shown = serde_json::to_value(breaker.snapshot()).unwrap();
        let cells = section("Look at").lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
        let fields: Vec<_> =
            cells.flat_map(|cell| cell.split(['`', ',', ' '])).filter(|word| !word.is_empty()).collect();
        assert!(fields.len() > 10, "{fields:?}");
        for field in fields {
            assert!(shown.get(field).is_some(), "{field}");
        }
    }

    #[test]
    fn each_advice_is_a_line_of_the_log() {
        let log = "../breaker-core/src/breaker/log/";
        let source = fs::read_to_string(format!("{log}mod.rs")).unwrap()
            + &fs::read_to_string(format!("{log}advice.rs")).unwrap();
        let words = source.replace(['`', '\\'], "").split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<_> = rows(section("The log gives advice")).collect();
        assert_eq!(lines.len(), 6);
        for part in lines.iter().flat_map(|line| line.split("..")) {
            assert!(words.contains(part.trim()), "{part}");
        }
    }
}

mod dashboard {
    use axum::{body, http::Request};
    use breaker_axum::dashboard_router;
    use breaker_core::{Config, Registry};
    use serde_json::Value;
    use tower::ServiceExt as _;

    const PAGE: &str = include_str!("../../docs/guide/dashboard.md");
    const TOKEN: &str = "0123456789abcdef";

    #[tokio::test]
    async fn each_request_of_curl_gets_the_reply_that_is_shown() {
        let registry: &'static Registry = Box::leak(Box::new(Registry::new()));
        registry.load_env_from([("", ""); 0]).unwrap();
        registry.breaker("weather_api", Config::new()).unwrap();
        let app: axum::Router = dashboard_router(registry).with_token(TOKEN).unwrap().nest_at("/dashboard");
        let shown: Vec<_> = PAGE.split("--json '").skip(1).collect();
        assert_eq!(shown.len(), 2);
        for command in shown {
            let (json, rest) = command.split_once("' \\\n").unwrap();
            let mut lines = rest.lines();
            let request = Request::post(lines.next().unwrap().trim())
                .header("authorization", format!("Bearer {TOKEN}"))
                .header("content-type", "application/json")
                .body(body::Body::from(json.to_owned()))
                .unwrap();
            let reply = app.clone().oneshot(request).await.unwrap();
            let reply = body::to_bytes(reply.into_body(), 10_000).await.unwrap();
            let expected: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&reply).unwrap(), expected);
        }
    }
}
