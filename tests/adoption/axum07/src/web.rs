//! The routes.

use crate::notes::{Note, Notes};
use crate::sessions::{greeting, Sessions};
use crate::store::{Store, StoreError};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use breaker_core::circuit_breaker;
use std::sync::Arc;

#[derive(Clone)]
pub struct Service {
    pub notes: Arc<dyn Notes>,
    pub sessions: Arc<dyn Sessions>,
    pub store: Store,
}

/// Any error, and the answer that it gets.
pub struct AppError(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for AppError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let status = match self.0.chain().find_map(|error| error.downcast_ref()) {
            Some(StoreError::Missing(_)) => StatusCode::NOT_FOUND,
            Some(StoreError::Refused { .. }) => StatusCode::FORBIDDEN,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, format!("{:#}", self.0)).into_response()
    }
}

pub fn routes(service: Service) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/login/:user", post(login))
        .route("/notes", get(titles).post(write))
        .route("/notes/:title", get(read).delete(remove))
        .with_state(service)
}

async fn home(State(service): State<Service>) -> String {
    greeting(&service.store).await.unwrap_or_else(|| "notes".into())
}

async fn login(State(service): State<Service>, Path(user): Path<String>) -> Result<String, AppError> {
    Ok(service.sessions.begin(&user).await?)
}

async fn titles(State(service): State<Service>, headers: HeaderMap) -> Result<Json<Vec<String>>, AppError> {
    let user = user(&service, &headers).await?;
    Ok(Json(service.notes.titles(&user).await?))
}

async fn read(
    State(service): State<Service>,
    Path(title): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Note>, AppError> {
    let user = user(&service, &headers).await?;
    Ok(Json(service.notes.get(&user, &title).await?))
}

async fn write(
    State(service): State<Service>,
    headers: HeaderMap,
    Json(note): Json<Note>,
) -> Result<StatusCode, AppError> {
    let user = user(&service, &headers).await?;
    service.notes.put(&user, note).await?;
    Ok(StatusCode::CREATED)
}

async fn remove(
    State(service): State<Service>,
    Path(title): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, AppError> {
    let user = user(&service, &headers).await?;
    Ok(if service.notes.delete(&user, &title).await? { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND })
}

/// Who asks.
#[circuit_breaker(name = "users", exclude(|error| matches!(error.0.downcast_ref(), Some(StoreError::Refused { .. }))))]
async fn user(service: &Service, headers: &HeaderMap) -> Result<String, AppError> {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let user = service.sessions.user_of(token).await?;
    user.ok_or_else(|| StoreError::Refused { code: 401, text: "nobody is logged in".into() }.into())
}
