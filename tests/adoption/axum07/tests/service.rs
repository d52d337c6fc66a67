//! What the notes do while everything is well.

mod common;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use common::{service, store};
use http_body_util::BodyExt as _;
use notes::notes::{Note, Notes as _, Remembered, StoredNotes};
use notes::sessions::greeting;
use notes::store::{Store, StoreError};
use notes::web::routes;
use tower::ServiceExt as _;

fn tea() -> Note {
    Note { title: "tea".into(), text: "two spoons".into() }
}

#[tokio::test]
async fn repositories() {
    let service = service(store().await);
    let (notes, sessions) = (service.notes, service.sessions);
    notes.put("ada", tea()).await.unwrap();
    assert_eq!(notes.get("ada", "tea").await.unwrap(), tea());
    assert_eq!(notes.titles("ada").await.unwrap(), ["tea"]);
    assert_eq!(notes.count("ada").await.unwrap(), 1);
    notes.rename("ada", "tea", "chai").await.unwrap();
    assert_eq!(notes.titles("ada").await.unwrap(), ["chai"]);
    assert!(notes.delete("ada", "chai").await.unwrap());
    assert!(!notes.delete("ada", "chai").await.unwrap());

    let missing: anyhow::Error = notes.get("ada", "tea").await.unwrap_err();
    assert_eq!(format!("{missing:#}"), "no note tea: the store has no notes/ada/tea");
    let refused: anyhow::Error = notes.put("root", tea()).await.unwrap_err();
    assert!(matches!(refused.downcast_ref(), Some(StoreError::Refused { code: 403, .. })));
    assert!(notes.put("ada", Note { title: "a b".into(), ..tea() }).await.is_err());

    let token = sessions.begin("ada").await.unwrap();
    assert_eq!(sessions.user_of(&token).await.unwrap().as_deref(), Some("ada"));
    sessions.end(&token).await;
    assert_eq!(sessions.user_of(&token).await.unwrap(), None);

    assert_eq!(greeting(&service.store).await, None);
    service.store.put("greeting", "good morning").await.unwrap();
    assert_eq!(greeting(&service.store).await.as_deref(), Some("good morning"));
}

#[tokio::test]
async fn what_was_read_is_remembered() {
    let notes = Remembered::new(StoredNotes::new(Store::new(store().await)));
    notes.put("ada", tea()).await.unwrap();
    assert_eq!(notes.remembered("ada", "tea"), None);
    notes.get("ada", "tea").await.unwrap();
    assert_eq!(notes.remembered("ada", "tea"), Some(tea()));
    notes.delete("ada", "tea").await.unwrap();
    assert_eq!(notes.remembered("ada", "tea"), None);
}

#[tokio::test]
async fn routes_answer() {
    let app = routes(service(store().await));
    let ask = |method: &'static str, path: &'static str, body: &'static str| {
        let request = Request::builder().method(method).uri(path).header("authorization", "of-ada");
        let request = request.header("content-type", "application/json").body(Body::from(body)).unwrap();
        let app = app.clone();
        async move {
            let answer = app.oneshot(request).await.unwrap();
            let status = answer.status();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            (status, String::from_utf8(body.to_vec()).unwrap())
        }
    };
    let written = r#"{"title":"tea","text":"two spoons"}"#;
    assert_eq!(ask("GET", "/", "").await, (StatusCode::OK, "notes".into()));
    assert_eq!(ask("GET", "/notes", "").await.0, StatusCode::FORBIDDEN);
    assert_eq!(ask("POST", "/login/ada", "").await, (StatusCode::OK, "of-ada".into()));
    assert_eq!(ask("POST", "/notes", written).await.0, StatusCode::CREATED);
    assert_eq!(ask("GET", "/notes/tea", "").await, (StatusCode::OK, written.into()));
    assert_eq!(ask("GET", "/notes", "").await, (StatusCode::OK, r#"["tea"]"#.into()));
    assert_eq!(ask("DELETE", "/notes/tea", "").await.0, StatusCode::NO_CONTENT);
    assert_eq!(ask("GET", "/notes/tea", "").await.0, StatusCode::NOT_FOUND);
}
