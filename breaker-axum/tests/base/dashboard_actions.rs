//! Tests the dashboard's actions: what each needs and does, and which requests are refused.
#![allow(clippy::unwrap_used, reason = "a test may")]

use crate::axum::Router;
use crate::axum::body::{Body, to_bytes};
use crate::axum::extract::ConnectInfo;
use crate::axum::http::{HeaderMap, Request, StatusCode, header};
use crate::axum::response::Response;
use crate::breaker_axum::dashboard::DashboardRouter;
use crate::breaker_axum::dashboard_router;
use breaker_core::{CircuitBreaker, Config, Registry, State};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;
use tower::ServiceExt;

const TOKEN: &str = "a-token-that-nobody-knows-0123456789";

struct Page {
    app: Router,
    breaker: CircuitBreaker,
    headers: Vec<(String, String)>,
    address: [u8; 4],
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }
}

fn page_of(router: impl FnOnce(DashboardRouter) -> DashboardRouter) -> Page {
    let registry: &'static Registry = Box::leak(Box::new(Registry::new()));
    let breaker = registry.breaker("payments", Config::new().fail_max(5)).unwrap();
    let app = router(dashboard_router(registry)).nest_at("/dashboard");
    Page { app, breaker, headers: Vec::new(), address: [10, 0, 0, 1] }
}

fn page() -> Page {
    page_of(|router| router.with_token(TOKEN).unwrap())
}

impl Page {
    fn with(&self, name: &str, value: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.retain(|(known, _)| known != name);
        headers.push((name.to_owned(), value.to_owned()));
        Self { app: self.app.clone(), breaker: self.breaker.clone(), headers, address: self.address }
    }

    fn from(&self, address: [u8; 4]) -> Self {
        Self { address, ..self.with("host", "example.org") }
    }

    fn bearer(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    async fn ask(&self, method: &str, path: &str, kind: &str, body: String) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/dashboard{path}"));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut request = request.header(header::CONTENT_TYPE, kind).body(Body::from(body)).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((self.address, 4000))));
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "text/plain", String::new()).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path, "application/json", body.to_string()).await
    }

    async fn act(&self, action: &str) -> Answer {
        self.post("/action", json!({ "name": "payments", "action": action })).await
    }

    async fn set(&self, key: &str, text: &str, preview: bool) -> Answer {
        self.post("/settings", json!({ "name": "payments", "set": { key: text }, "preview": preview })).await
    }

    async fn log_in(&self, token: &str) -> Answer {
        self.ask("POST", "/login", "application/x-www-form-urlencoded", format!("token={token}")).await
    }

    /// With the cookie of a login, as a browser sends it.
    async fn logged_in(&self) -> Self {
        let login = self.log_in(TOKEN).await;
        assert_eq!(login.status, StatusCode::SEE_OTHER);
        let cookie = login.headers[header::SET_COOKIE].to_str().unwrap();
        self.with("cookie", cookie.split(';').next().unwrap())
    }

    /// The same with the CSRF token of the session.
    async fn with_csrf(&self) -> Self {
        let csrf = self.get("/session").await.json()["csrf"].as_str().unwrap().to_owned();
        self.with("x-csrf-token", &csrf)
    }
}

#[tokio::test]
async fn without_a_token_the_routes_do_not_exist() {
    let page = page_of(|router| router);
    let bearer = page.bearer(TOKEN);
    for answer in [
        bearer.act("force_open").await,
        bearer.set("fail_max", "1", false).await,
        bearer.log_in(TOKEN).await,
        bearer.post("/logout", Value::Null).await,
        bearer.get("/session").await,
    ] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}", answer.text);
    }
    assert_eq!((page.breaker.state(), page.breaker.settings().fail_max), (State::Closed, Some(5)));
    assert_eq!(page.get("/index.html").await.status, StatusCode::OK, "the page shows all the same");
}

#[tokio::test]
async fn an_action_needs_the_token() {
    let page = page();
    for (n, asks) in
        [page.from([1; 4]), page.bearer("another-token-0123456789").from([2; 4]), page.bearer("").from([3; 4])]
            .iter()
            .enumerate()
    {
        let answer = asks.act("force_open").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{n}: {}", answer.text);
        assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
        assert_eq!(asks.set("fail_max", "1", false).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!((page.breaker.state(), page.breaker.settings().fail_max), (State::Closed, Some(5)));
}

#[tokio::test]
async fn each_action_takes_effect_and_returns_the_state_before_and_after() {
    let page = page().bearer(TOKEN);
    for (action, before, after) in [
        ("force_open", "closed", "forced_open"),
        ("release", "forced_open", "closed"),
        ("disable", "closed", "disabled"),
        ("shadow", "disabled", "shadow"),
        ("reset", "shadow", "closed"),
        ("trip", "closed", "open"),
        ("half_open", "open", "half_open"),
    ] {
        let answer = page.act(action).await;
        assert_eq!(
            (answer.status, answer.json()),
            (StatusCode::OK, json!({ "before": before, "after": after })),
            "{action}"
        );
        assert_eq!(page.breaker.state().as_str(), after);
    }
}

#[tokio::test(start_paused = true)]
async fn a_forced_opening_can_have_an_end() {
    let page = page().bearer(TOKEN);
    let ask = |action: &str, seconds: i64| json!({ "name": "payments", "action": action, "seconds": seconds });
    for wrong in [ask("force_open", 0), ask("force_open", 1 << 40), ask("disable", 5), ask("force_open", -1)] {
        assert_eq!(page.post("/action", wrong.clone()).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    assert_eq!(page.post("/action", ask("force_open", 60)).await.status, StatusCode::OK);
    assert_eq!(page.breaker.state(), State::ForcedOpen);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(page.breaker.state(), State::Closed);
}

#[tokio::test]
async fn what_is_no_action_is_refused_with_words() {
    let page = page().bearer(TOKEN);
    let unknown = page.post("/action", json!({ "name": "nobody", "action": "reset" })).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(unknown.json()["error"], "no circuit breaker is named `nobody`");
    assert_eq!(page.act("explode").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let text = page.ask("POST", "/action", "text/plain", r#"{"name":"payments","action":"trip"}"#.to_owned()).await;
    assert_eq!(text.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "a form of another site could send that");
    let large = page.set("fail_max", &"1".repeat(100_000), false).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(page.breaker.state(), State::Closed);
}

#[tokio::test]
async fn settings_are_checked_previewed_and_changed() {
    let page = page().bearer(TOKEN);
    let changes = json!({ "valid": true, "changes": [{ "key": "fail_max", "before": "5", "after": "9" }] });
    assert_eq!(page.set("fail_max", "9", true).await.json(), changes);
    assert_eq!(page.breaker.settings().fail_max, Some(5), "a preview changes nothing");
    assert_eq!(page.set("fail_max", "9", false).await.json(), changes);
    assert_eq!(page.breaker.settings().fail_max, Some(9));
    for preview in [true, false] {
        let wrong = json!({ "fail_max": "0", "recovery_timeout": "soon", "no_key": "1" });
        let answer = page.post("/settings", json!({ "name": "payments", "set": wrong, "preview": preview })).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        let answer = answer.json();
        let keys: Vec<_> = answer["problems"].as_array().unwrap().iter().map(|one| one["key"].clone()).collect();
        assert_eq!(
            (&answer["valid"], keys),
            (&json!(false), vec![json!("fail_max"), "no_key".into(), "recovery_timeout".into()])
        );
        assert!(answer["problems"][2]["message"].as_str().unwrap().contains("expected a duration such as \"30s\""));
    }
    page.set("window", "20", false).await;
    let together = page.set("min_calls", "21", true).await.json();
    assert_eq!(together["problems"][0]["key"], "min_calls", "of keys that contradict each other too: {together}");
}

#[tokio::test]
async fn the_last_rule_on_failures_stays_and_off_is_a_value_beside_another_one() {
    let page = page().bearer(TOKEN);
    let alone = page.set("fail_max", "off", false).await;
    assert_eq!(alone.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(alone.json()["problems"][0]["key"], "fail_max");
    let both = json!({ "fail_max": "off", "failure_rate": "0.5" });
    let done = page.post("/settings", json!({ "name": "payments", "set": both, "preview": false })).await.json();
    assert_eq!(done["changes"][0], json!({ "key": "fail_max", "before": "5", "after": "off" }));
    let rate = page.set("failure_rate", "off", true).await.json();
    assert_eq!(rate["valid"], false, "{rate}");
    let feed = page.get("/detail?name=payments").await.json();
    assert_eq!(feed["settings"][0], json!({ "key": "fail_max", "value": "off", "source": "reconfigure" }));
}

#[tokio::test]
async fn other_units_are_refused_with_what_was_meant() {
    let page = page().bearer(TOKEN);
    let wrong = page.set("recovery_timeout", "5M", false).await.json();
    assert!(wrong["problems"][0]["message"].as_str().unwrap().ends_with("did you mean `5m`?"), "{wrong}");
}

#[tokio::test]
async fn the_detail_has_settings_with_their_sources_and_call_sites() {
    let page = page().bearer(TOKEN);
    page.set("recovery_timeout", "1m 30s", false).await;
    let detail = page.get("/detail?name=payments").await.json();
    let setting =
        |key: &str| detail["settings"].as_array().unwrap().iter().find(|one| one["key"] == key).unwrap().clone();
    assert_eq!(setting("fail_max"), json!({ "key": "fail_max", "value": "5", "source": "attribute" }));
    assert_eq!(
        setting("recovery_timeout"),
        json!({ "key": "recovery_timeout", "value": "1m 30s", "source": "reconfigure" })
    );
    assert_eq!(setting("timeout"), json!({ "key": "timeout", "value": "off", "source": "default" }));
    assert!(detail["call_sites"][0]["place"].as_str().unwrap().contains("dashboard_actions.rs:"));
    page.set("timeout", "1.5s", false).await;
    let site = &page.get("/detail?name=payments").await.json()["call_sites"][0];
    assert_eq!((&site["timeout"], &site["timeout_source"]), (&json!("1.5s"), &json!("reconfigure")));
    assert_eq!(page.get("/detail?name=nobody").await.status, StatusCode::NOT_FOUND);
    assert_eq!(page.get("/detail").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_login_gives_a_cookie_that_scripts_and_other_sites_do_not_get() {
    let cookie = |login: &Answer| login.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    let login = page().log_in(TOKEN).await;
    assert_eq!(
        (login.status, &login.headers[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"index.html".parse().unwrap())
    );
    let plain = cookie(&login);
    let (pair, attributes) = plain.split_once("; ").unwrap();
    assert_eq!(attributes, "HttpOnly; SameSite=Strict");
    assert_eq!(pair.strip_prefix("breaker_session=").unwrap().len(), 64);
    let secure = page_of(|router| router.with_token(TOKEN).unwrap().with_secure_cookie(true)).log_in(TOKEN).await;
    assert!(cookie(&secure).contains("; Secure"));
}

#[tokio::test]
async fn a_cookie_alone_does_not_act() {
    let logged_in = page().logged_in().await;
    assert_eq!(logged_in.act("trip").await.status, StatusCode::FORBIDDEN);
    assert_eq!(logged_in.with("x-csrf-token", &"0".repeat(64)).act("trip").await.status, StatusCode::FORBIDDEN);
    assert_eq!(logged_in.set("fail_max", "1", false).await.status, StatusCode::FORBIDDEN);
    assert_eq!(logged_in.breaker.state(), State::Closed);
    assert_eq!(logged_in.with_csrf().await.act("trip").await.status, StatusCode::OK);
    assert_eq!(logged_in.breaker.state(), State::Open);
}

#[tokio::test]
async fn a_request_from_another_site_does_not_act() {
    let page = page().with("host", "ops.example");
    let home = page.logged_in().await.with_csrf().await;
    for (name, value, status) in [
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("origin", "https://ops.example", 200),
        ("sec-fetch-site", "same-origin", 200),
    ] {
        assert_eq!(home.with(name, value).act("trip").await.status, status, "{name}: {value}");
    }
    assert_eq!(page.with("sec-fetch-site", "cross-site").log_in(TOKEN).await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        page.with("origin", "null").log_in(TOKEN).await.status,
        StatusCode::SEE_OTHER,
        "a form without a referrer"
    );
}

#[tokio::test(start_paused = true)]
async fn wrong_tokens_are_limited_and_lock_no_client_out_forever() {
    let page = page();
    let session = page.logged_in().await.with_csrf().await;
    for _ in 0..10 {
        assert_eq!(page.log_in("a-wrong-token").await.status, StatusCode::UNAUTHORIZED);
    }
    for _ in 0..1000 {
        let limited = page.log_in("a-wrong-token").await;
        assert_eq!(
            (limited.status, &limited.headers[header::RETRY_AFTER]),
            (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap())
        );
    }
    assert_eq!(page.bearer(TOKEN).act("trip").await.status, StatusCode::TOO_MANY_REQUESTS, "it is not even looked at");
    assert_eq!(page.from([10, 0, 0, 2]).log_in(TOKEN).await.status, StatusCode::SEE_OTHER, "others are not held up");
    assert_eq!(session.act("trip").await.status, StatusCode::OK, "nor is who has logged in");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(page.log_in(TOKEN).await.status, StatusCode::SEE_OTHER);
}

/// A request without a token is no guess, and a page of another site could send any number of them.
#[tokio::test(start_paused = true)]
async fn a_request_without_a_token_spends_no_attempt() {
    let page = page();
    let session = page.logged_in().await;
    for _ in 0..100 {
        assert_eq!(page.act("trip").await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(page.set("fail_max", "1", false).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(page.post("/logout", Value::Null).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(page.bearer("").act("trip").await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(page.with("authorization", "Basic eDp5").act("trip").await.status, StatusCode::UNAUTHORIZED);
        let stale = page.with("cookie", &format!("breaker_session={}", "0".repeat(64)));
        assert_eq!(stale.act("trip").await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(page.log_in("").await.status, StatusCode::UNAUTHORIZED);
        let other = page.ask("POST", "/login", "application/x-www-form-urlencoded", "user=ada".to_owned()).await;
        assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(session.act("trip").await.status, StatusCode::FORBIDDEN, "without what the page was told");
    }
    assert_eq!(page.bearer(TOKEN).act("trip").await.status, StatusCode::OK);
    for _ in 0..10 {
        assert_eq!(page.log_in("a-wrong-token").await.status, StatusCode::UNAUTHORIZED, "all attempts are left");
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_site_has_a_browser_send_spends_no_attempt() {
    let page = page().with("host", "ops.example");
    for foreign in [
        page.with("sec-fetch-site", "cross-site"),
        page.with("sec-fetch-site", "same-site"),
        page.with("sec-fetch-site", "cross-site").with("origin", "null"),
        page.with("origin", "http://evil.example"),
        page.with("origin", "ops.example"),
        page.with("origin", "ü"),
    ] {
        for token in ["a-wrong-token", TOKEN].repeat(20) {
            assert_eq!(foreign.log_in(token).await.status, StatusCode::FORBIDDEN, "{:?}", foreign.headers);
            assert_eq!(foreign.bearer(token).act("trip").await.status, StatusCode::FORBIDDEN, "{:?}", foreign.headers);
        }
    }
    assert_eq!(page.breaker.state(), State::Closed);
    // Over plain http a browser says nothing of a form in a frame without an origin but this.
    let framed = page.with("origin", "null");
    for n in 0..40 {
        let status = framed.log_in("a-wrong-token").await.status;
        assert_eq!(status, if n < 10 { StatusCode::UNAUTHORIZED } else { StatusCode::TOO_MANY_REQUESTS });
    }
    let script = page.with("origin", "http://ops.example");
    assert_eq!(script.log_in(TOKEN).await.status, StatusCode::SEE_OTHER, "the page's own login is not held up");
    assert_eq!(page.bearer(TOKEN).act("trip").await.status, StatusCode::OK);
}

/// Other paths and hosts of the domain set cookies too, and nothing keeps them from our name.
#[tokio::test]
async fn cookies_of_others_do_not_hide_ours() {
    let page = page();
    let session = page.logged_in().await.with_csrf().await;
    let ours = session.headers.iter().find(|(name, _)| name == "cookie").unwrap().1.clone();
    let foreign = |id: &str| format!("breaker_session={id}");
    let many: Vec<_> = (0..200).map(|n| foreign(&format!("{n:064x}"))).collect();
    for others in [
        ["", "a", "null", "short", "\"quoted\""].map(foreign).join("; "),
        many.join("; "),
        vec![foreign("x"); 5_000].join("; "),
        "theme=dänk; user=\u{1f600}".to_owned(),
        "breaker_session_old=1; breaker_session".to_owned(),
    ] {
        let both = session.with("cookie", &format!("{others}; {ours}"));
        assert_eq!(both.act("trip").await.status, StatusCode::OK, "{others}");
        assert_eq!(page.with("cookie", &others).act("trip").await.status, StatusCode::UNAUTHORIZED, "{others}");
    }
}

/// The response with the events, of which the test reads as much as it needs.
async fn feed(page: &Page) -> Response {
    let mut request = Request::get("/dashboard/events");
    for (name, value) in &page.headers {
        request = request.header(name, value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from((page.address, 4000))));
    page.app.clone().oneshot(request).await.unwrap()
}

/// Opens event streams until there is no room.
async fn feeds(page: &Page) -> Vec<Response> {
    let mut open = Vec::new();
    loop {
        let answer = feed(page).await;
        if answer.status() != StatusCode::OK {
            assert_eq!(
                (answer.status(), &answer.headers()[header::RETRY_AFTER]),
                (503.try_into().unwrap(), &"10".parse().unwrap())
            );
            return open;
        }
        open.push(answer);
    }
}

#[tokio::test(start_paused = true)]
async fn readers_of_one_address_leave_places_for_others_and_all_of_them_for_sessions() {
    let page = page_of(|router| router.with_token(TOKEN).unwrap().with_graceful_shutdown(std::future::pending()));
    let flood = feeds(&page).await;
    assert!(flood.len() < 1024 / 2, "{} from one address", flood.len());
    let mut others = Vec::new();
    for last in 2..10 {
        others.push(feeds(&page.from([10, 0, 0, last])).await);
    }
    assert!(others[0].len() > 1 && others[7].is_empty());
    let session = page.logged_in().await;
    let mine = feed(&session).await;
    assert_eq!(mine.status(), StatusCode::OK, "from the flood's own address");
    drop(flood);
    assert_eq!(feed(&page).await.status(), StatusCode::OK, "closed ones make room");
}

#[tokio::test(start_paused = true)]
async fn an_operator_with_the_token_reads_where_strangers_have_taken_all_their_places() {
    let page = page_of(|router| router.with_token(TOKEN).unwrap().with_graceful_shutdown(std::future::pending()));
    let operator = page.with("authorization", &format!("Bearer {TOKEN}"));
    let mut flood = feeds(&page).await;
    for last in 2..10 {
        flood.extend(feeds(&page.from([10, 0, 0, last])).await);
    }
    let mine = feeds(&operator).await;
    assert!((1..64).contains(&mine.len()), "some, and not all: {}", mine.len());
    assert_eq!(feed(&page.logged_in().await).await.status(), StatusCode::OK);
    let elsewhere = operator.with("sec-fetch-site", "cross-site");
    assert_eq!(feed(&elsewhere).await.status(), StatusCode::SERVICE_UNAVAILABLE, "another site has it sent");
    // Wrong tokens count as attempts here too.
    let wrong = page.with("authorization", "Bearer wrong").from([10, 0, 0, 99]);
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.push(feed(&wrong).await.status());
    }
    assert_eq!((statuses[0], statuses[29]), (StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS));
    drop(flood);
    assert_eq!(feed(&wrong).await.status(), StatusCode::OK, "to those for whom there is room it is no question");
}

/// They are never polled, like those of full connections. Only time ends their slots.
#[tokio::test(start_paused = true)]
async fn readers_that_never_read_lose_their_places_after_a_minute() {
    let until = |router: DashboardRouter| router.with_graceful_shutdown(std::future::pending());
    for page in [page_of(|router| router), page_of(until)] {
        let flood = feeds(&page).await;
        assert!(flood.len() > 100);
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(feed(&page).await.status(), StatusCode::SERVICE_UNAVAILABLE);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(feeds(&page).await.len(), flood.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_ends_after_a_minute_and_asks_to_connect_again() {
    let until = |router: DashboardRouter| router.with_graceful_shutdown(std::future::pending());
    for page in [page_of(|router| router), page_of(until)] {
        let begun = tokio::time::Instant::now();
        let read = to_bytes(feed(&page).await.into_body(), usize::MAX);
        let text = tokio::time::timeout(Duration::from_secs(120), read).await.expect("it ends").unwrap();
        assert_eq!(begun.elapsed().as_secs(), 60);
        assert!(text.ends_with(b"\n\nevent: again\ndata: {}\n\n"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_with_a_logout_and_after_its_time() {
    let session = page().logged_in().await.with_csrf().await;
    let other = session.logged_in().await.with_csrf().await;
    let logout = session.post("/logout", Value::Null).await;
    assert!(logout.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(session.act("trip").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(session.get("/session").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(other.act("trip").await.status, StatusCode::OK, "another one goes on");
    tokio::time::advance(Duration::from_secs(8 * 3600)).await;
    assert_eq!(other.act("reset").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_form_that_is_sent_without_the_script_gets_a_page() {
    let refused = page().with("accept", "text/html").log_in("<script>alert(1)</script>").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(refused.text.starts_with("<!doctype html>") && refused.text.contains("The token is wrong."));
    assert!(!refused.text.contains("script>"), "nothing that was sent is shown");
}

/// Whether a word is the short ID of a session.
fn is_sign(word: &str) -> bool {
    word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

thread_local!(static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });

/// What is logged on this thread.
struct Log;

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_action_and_each_refusal_is_in_the_audit_and_the_token_nowhere() {
    // One subscriber for all threads: those of single threads come too late where another test
    // meets an event first.
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE).with_ansi(false);
    tracing::subscriber::set_global_default(subscriber.with_writer(|| Log).finish()).unwrap();
    let page = page();
    let session = page.logged_in().await.with_csrf().await;
    session.act("force_open").await;
    page.bearer(TOKEN).set("fail_max", "7", false).await;
    page.bearer(TOKEN).set("fail_max", "0", false).await;
    page.bearer("wrong-token-0123456789").act("reset").await;
    for _ in 0..1000 {
        page.from([10, 0, 0, 9]).act("reset").await;
    }
    let audit = session.get("/detail?name=payments").await.json()["audit"].clone();
    let lines: Vec<_> = audit
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let field = |name: &str| entry[name].as_str().unwrap();
            let who = field("who").split(' ').filter(|word| !is_sign(word)).collect::<Vec<_>>().join(" ");
            format!("{who}: {} {} -> {}", field("action"), field("before"), field("after"))
        })
        .collect();
    assert_eq!(lines[0], "session from 10.0.0.1: force_open closed -> forced_open");
    assert_eq!(lines[1], "bearer from 10.0.0.1: settings fail_max 5 -> fail_max 7");
    assert!(lines[2].starts_with("bearer from 10.0.0.1: settings  -> refused: fail_max is `0`"), "{lines:?}");
    assert!(
        page.get("/detail?name=payments").await.json()["audit"].as_array().unwrap().is_empty(),
        "not for callers that may not act"
    );

    let log = String::from_utf8(LOG.take()).unwrap();
    let forgotten = log.matches("log in first").count();
    assert!((1..20).contains(&forgotten), "{forgotten} of 1,000 refusals fill the log");
    for words in
        ["force_open", "fail_max 7", "the token is wrong", "breaker_axum::audit", "unknown caller from 10.0.0.1"]
    {
        assert!(log.contains(words), "{words} is missing in\n{log}");
    }
    let shown = format!("{log}{audit}{:?}", dashboard_router(Registry::global()).with_token(TOKEN).unwrap());
    assert!(!shown.contains(TOKEN) && !shown.contains("wrong-token-0123456789"));
    let cookie = session.headers.iter().find(|(name, _)| name == "cookie").unwrap().1.clone();
    assert!(!shown.contains(cookie.split_once('=').unwrap().1), "nor is a session's cookie");
}

#[tokio::test]
async fn a_short_token_is_refused() {
    let registry: &'static Registry = Box::leak(Box::new(Registry::new()));
    for short in ["", "short", "fifteen-letters"] {
        let error = dashboard_router(registry).with_token(short).unwrap_err().to_string();
        assert!(error.contains("use 16 to 256"), "{error}");
    }
}

#[tokio::test]
async fn every_answer_keeps_a_browser_from_loading_anything_else() {
    let page = page();
    for path in ["", "/", "/index.html", "/dashboard.js", "/nothing", "/detail?name=x", "/session"] {
        let answer = page.get(path).await;
        let head = |name: &str| answer.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        assert!(head("content-security-policy").starts_with("default-src 'none'; script-src 'self';"), "{path}");
        assert_eq!(
            [head("x-content-type-options"), head("referrer-policy"), head("cache-control")],
            ["nosniff", "no-referrer", "no-store"]
        );
        assert!(!head("content-security-policy").contains("unsafe"));
    }
    let refused = page.act("trip").await;
    assert!(refused.headers.contains_key("content-security-policy"));
}

#[tokio::test]
async fn the_page_is_reached_with_and_without_a_slash_and_its_files_can_be_kept() {
    let page = page();
    assert_eq!(page.get("").await.headers[header::LOCATION], "./dashboard/index.html");
    assert_eq!(page.get("/").await.headers[header::LOCATION], "./index.html");
    let script = page.get("/dashboard.js").await;
    assert_eq!(script.headers[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
    let tag = script.headers[header::ETAG].to_str().unwrap();
    let again = page.with("if-none-match", tag).get("/dashboard.js").await;
    assert_eq!((again.status, again.text.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(page.get("/../Cargo.toml").await.status, StatusCode::NOT_FOUND);
}
