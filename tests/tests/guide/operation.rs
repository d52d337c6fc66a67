//! Compares the pages on operation with the code: names, log lines, fields and replies.

mod operating {
    use breaker_core::metrics::NAMES;
    use std::collections::BTreeSet;
    use std::fs;

    const PAGE: &str = include_str!("../../../docs/guide/operating.md");

    /// What stands in code style at the start of a row of a table.
    pub(crate) fn rows(page: &str) -> impl Iterator<Item = &str> {
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(first, _)| first)
    }

    #[test]
    fn the_table_has_each_metric() {
        let listed: BTreeSet<_> = rows(PAGE).filter(|row| row.starts_with("circuit_") && NAMES.contains(row)).collect();
        assert_eq!(listed, BTreeSet::from(NAMES));
    }

    /// What only DEBUG has: the page says that this level has every call.
    const AT_DEBUG: [&str; 9] = [
        "circuit_call_attempt",
        "circuit_fallback",
        "circuit_fallback_failed",
        "circuit_fallback_timed_out",
        "circuit_ignored",
        "circuit_passed_on",
        "circuit_rejected",
        "circuit_retry",
        "circuit_success",
    ];

    #[test]
    fn the_table_has_each_line_of_the_log_above_debug() {
        let logged = |file| fs::read_to_string(format!("../breaker-core/src/breaker/log/{file}.rs")).unwrap();
        let source = logged("mod") + &logged("advice");
        let is_type = |word: &&str| word.starts_with("circuit_") && !word.contains(' ');
        let in_code: BTreeSet<_> = source.split('"').filter(is_type).collect();
        let cells = PAGE.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
        let in_table: Vec<_> = cells.flat_map(|cell| cell.split('`').filter(is_type)).collect();
        let listed: BTreeSet<_> = in_table.into_iter().filter(|name| !NAMES.contains(name)).chain(AT_DEBUG).collect();
        assert_eq!(listed, in_code);
    }
}

mod troubleshooting {
    use super::operating::rows;
    use breaker_core::{CircuitBreaker, Config};
    use std::fs;

    const PAGE: &str = include_str!("../../../docs/guide/troubleshooting.md");

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

    const PAGE: &str = include_str!("../../../docs/guide/dashboard.md");
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
