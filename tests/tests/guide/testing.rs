//! The examples of the page "Testing".

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
