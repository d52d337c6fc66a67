//! The store goes away, and comes back.

mod common;
#[path = "../../gate.rs"]
mod gate;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::Router;
use breaker_axum::axum_0_7::health_router;
use breaker_core::testing::{assert_state, breaker, isolated};
use breaker_core::{CircuitBreakerError, Registry, State};
use common::{service, store};
use gate::{pass, Gate};
use http_body_util::BodyExt as _;
use notes::notes::{Note, Notes as _, Remembered, StoredNotes};
use notes::sessions::greeting;
use notes::store::Store;
use notes::web::routes;
use serde_json::{json, Value};
use std::time::Duration;
use tower::ServiceExt as _;

const RECOVERY: Duration = Duration::from_secs(30);

fn tea() -> Note {
    Note { title: "tea".into(), text: "two spoons".into() }
}

fn is_rejected<T>(result: anyhow::Result<T>) -> bool {
    result.is_err_and(|error| error.downcast_ref().is_some_and(|told: &CircuitBreakerError| !told.is_timeout()))
}

#[tokio::test]
async fn the_store_goes_away_and_comes_back() {
    let mut gate = Gate::before(store().await).await;
    isolated(async {
        let service = service(gate.address());
        let (notes, sessions) = (&service.notes, &service.sessions);
        notes.put("ada", tea()).await.unwrap();
        notes.get("ada", "tea").await.unwrap();
        let token = sessions.begin("ada").await.unwrap();
        // A note that is not there, and a note that cannot be, say nothing against the store.
        for _ in 0..10 {
            notes.get("ada", "cake").await.unwrap_err();
            notes.put("root", tea()).await.unwrap_err();
            notes.put("ada", Note { title: "a b".into(), ..tea() }).await.unwrap_err();
        }
        let [notes_breaker, sessions_breaker] = ["notes", "sessions"].map(breaker);
        assert_state(&notes_breaker, State::Closed);

        gate.close().await;
        for _ in 0..3 {
            assert!(!is_rejected(notes.titles("bob").await), "the fallback has its turn when it is open");
            assert!(!is_rejected(sessions.user_of(&token).await));
        }
        assert_state(&notes_breaker, State::Open);
        assert_state(&sessions_breaker, State::Open);

        gate.open().await;
        let knocked = gate.connections();
        assert_eq!(notes.get("ada", "tea").await.unwrap(), tea(), "it is remembered");
        assert!(is_rejected(notes.get("ada", "cake").await));
        assert!(is_rejected(notes.put("ada", tea()).await));
        assert!(is_rejected(notes.delete("ada", "tea").await));
        assert!(is_rejected(notes.titles("ada").await));
        assert!(is_rejected(notes.count("ada").await));
        assert!(is_rejected(sessions.begin("ada").await));
        assert!(is_rejected(sessions.user_of(&token).await));
        assert_eq!(gate.connections(), knocked);
        assert_eq!(Registry::global().health().critical_circuits_open, ["sessions"]);

        pass(RECOVERY).await;
        assert_eq!(notes.titles("ada").await.unwrap(), ["tea"]);
        assert_eq!(sessions.user_of(&token).await.unwrap().as_deref(), Some("ada"));
        assert_state(&notes_breaker, State::Closed);
        assert_state(&sessions_breaker, State::Closed);
    })
    .await;
}

#[tokio::test]
async fn the_routes_tell_of_it() {
    let mut gate = Gate::before(store().await).await;
    isolated(async {
        let app = routes(service(gate.address())).merge(health_router(Registry::global()));
        assert_eq!(ask(&app, "POST", "/login/ada").await.0, StatusCode::OK);
        assert_eq!(ask(&app, "GET", "/notes").await, (StatusCode::OK, "[]".into()));
        assert_eq!(health(&app).await, ("healthy".into(), json!([])));

        gate.close().await;
        for _ in 0..3 {
            assert_eq!(ask(&app, "GET", "/notes").await.0, StatusCode::INTERNAL_SERVER_ERROR);
        }
        let (status, text) = ask(&app, "GET", "/notes").await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "what the service answers is its own affair");
        assert!(text.starts_with("circuit breaker `sessions` is open"), "{text}");
        assert_eq!(ask(&app, "GET", "/").await, (StatusCode::OK, "notes".into()));
        assert_eq!(health(&app).await, ("degraded".into(), json!(["sessions"])));

        gate.open().await;
        pass(RECOVERY).await;
        assert_eq!(ask(&app, "GET", "/notes").await, (StatusCode::OK, "[]".into()));
        assert_eq!(health(&app).await, ("healthy".into(), json!([])));
    })
    .await;
}

#[tokio::test]
async fn a_silent_store_holds_nobody_up() {
    let mut gate = Gate::before(store().await).await;
    isolated(async {
        let store = Store::new(gate.address());
        store.put("greeting", "good morning").await.unwrap();
        let notes = Remembered::new(StoredNotes::new(store));
        gate.fall_silent().await;
        tokio::time::pause();
        for _ in 0..5 {
            assert_eq!(greeting(&store).await, None);
            notes.get("ada", "tea").await.unwrap_err();
        }
        tokio::time::resume();
        assert_state(&breaker("greeting"), State::Open);
        assert_state(&breaker("notes"), State::Open);
        gate.open().await;
        let knocked = gate.connections();
        assert_eq!(greeting(&store).await, None);
        assert!(is_rejected(notes.get("ada", "tea").await));
        assert_eq!(gate.connections(), knocked);

        pass(RECOVERY).await;
        assert_eq!(greeting(&store).await.as_deref(), Some("good morning"));
        assert_state(&breaker("greeting"), State::Closed);
    })
    .await;
}

#[test]
fn the_annotations_agree_with_each_other() {
    let registry = Registry::global();
    assert!(registry.load_env_from([("", ""); 0]).unwrap().warnings().is_empty());
    let breakers = registry.breakers();
    let names: Vec<_> = breakers.iter().map(|breaker| breaker.name()).collect();
    assert_eq!(names, ["greeting", "notes", "remembered", "sessions", "users"]);
}

async fn ask(app: &Router, method: &str, path: &str) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(path).header("authorization", "of-ada");
    let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// What `/health` says: its status, and the critical breakers that are open.
async fn health(app: &Router) -> (String, Value) {
    let (status, body) = ask(app, "GET", "/health").await;
    assert_eq!(status, StatusCode::OK);
    let mut body: Value = serde_json::from_str(&body).unwrap();
    (body["status"].as_str().unwrap().to_owned(), body["critical_circuits_open"].take())
}
