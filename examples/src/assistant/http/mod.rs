//! Defines the HTTP routes, and the response to each outcome.

mod stream;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::{Path, State as Shared, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use breaker_axum::{ErrorReply, Unavailable, UnavailableLayer};
use breaker_core::{CircuitBreaker, CircuitBreakerError};
use serde::Deserialize;

use super::{
    answer::Answer,
    error::GenerationError,
    health,
    question::{Question, Wish},
    queue::{Job, JobId, Progress},
    reply::{JobReply, Metadata, QueryReply, QueuedReply, sources},
    service::Assistant,
};
use stream::Telling;

/// The `Retry-After` of a failure that has not opened the breaker.
const SHORTLY: Duration = Duration::from_secs(2);

/// The body of `POST /query`.
#[derive(Clone, Debug, Deserialize)]
pub struct QueryRequest {
    /// The question, in at most 2,000 characters.
    pub query: String,
    /// Who asks, in at most 128 bytes.
    pub user_id: String,
    /// Whether the reply includes how the answer came about.
    #[serde(default)]
    pub include_metadata: bool,
    /// Whether the question may wait for the model in place of a fallback; not for a streamed
    /// answer.
    #[serde(default)]
    pub queue: bool,
    /// Whether a streamed answer that breaks off is followed by another one.
    #[serde(default)]
    pub again: bool,
}

/// The routes of the service.
pub fn routes(assistant: Arc<Assistant>) -> Router {
    Router::new()
        .route("/query", post(query))
        .route("/query/stream", post(query_stream))
        .route("/query/jobs/{id}", get(job))
        .with_state(Arc::clone(&assistant))
        .merge(health::routes(assistant))
        .fallback(async || ErrorReply::new(StatusCode::NOT_FOUND, "not_found", "There is no such route."))
        .layer(UnavailableLayer::new())
}

async fn query(Shared(assistant): Shared<Arc<Assistant>>, body: Result<Json<QueryRequest>, JsonRejection>) -> Response {
    let started = Instant::now();
    let request = match body {
        Ok(Json(request)) => request,
        Err(rejection) => return unreadable(&rejection),
    };
    let include_metadata = request.include_metadata;
    let wish = if request.queue { Wish::AnswerLater } else { Wish::SomethingNow };
    let question = assistant.question(request.user_id, request.query, wish);
    let breaker = assistant.breaker();
    match assistant.answer(&question).await {
        Ok(answer) => {
            let status = status(breaker.as_ref());
            let metadata = include_metadata.then(|| Metadata::new(&question, &answer, status, started.elapsed()));
            reply(&question, metadata, answer)
        }
        Err(failed) => failure(&failed, breaker.as_ref()),
    }
}

/// The same, token by token. An error before the first one has a status, as there.
async fn query_stream(
    Shared(assistant): Shared<Arc<Assistant>>,
    body: Result<Json<QueryRequest>, JsonRejection>,
) -> Response {
    let started = Instant::now();
    let request = match body {
        Ok(Json(request)) => request,
        Err(rejection) => return unreadable(&rejection),
    };
    if request.queue {
        let message = "A streamed answer comes now or not at all: `queue` is for POST /query.";
        return ErrorReply::new(StatusCode::BAD_REQUEST, "invalid_request", message).into_response();
    }
    let (include_metadata, again) = (request.include_metadata, request.again);
    let question = assistant.question(request.user_id, request.query, Wish::SomethingNow);
    let breaker = assistant.breaker();
    match assistant.tell(question.clone(), again).await {
        Ok(pieces) => Telling::new(assistant, question, started, include_metadata).response(pieces),
        Err(failed) => failure(&failed, breaker.as_ref()),
    }
}

fn unreadable(rejection: &JsonRejection) -> Response {
    ErrorReply::new(rejection.status(), "invalid_request", rejection.body_text()).into_response()
}

fn reply(question: &Question, metadata: Option<Metadata>, answer: Answer) -> Response {
    match answer.job {
        None => {
            let truncated = answer.is_truncated();
            Json(QueryReply { answer: answer.text, truncated, sources: sources(question), metadata }).into_response()
        }
        Some(id) => {
            let source = answer.source.as_str();
            let status_url = format!("/query/jobs/{id}");
            let queued = QueuedReply {
                job_id: id.to_string(),
                status: "pending",
                source,
                status_url,
                message: answer.text,
                metadata,
            };
            (StatusCode::ACCEPTED, Json(queued)).into_response()
        }
    }
}

/// A user's view of an error: a mistake in the request, "come back later", or only that something
/// is wrong.
fn failure(failed: &GenerationError, breaker: Option<&CircuitBreaker>) -> Response {
    match failed {
        GenerationError::Validation(mistake) => {
            ErrorReply::new(StatusCode::BAD_REQUEST, "invalid_request", mistake.to_string()).into_response()
        }
        GenerationError::QueueFull => unavailable(failed, breaker)
            .error("queue_full")
            .message("Too many questions wait already; please ask again later.")
            .retry_after(SHORTLY)
            .into_response(),
        failed if failed.rejection().is_some_and(CircuitBreakerError::is_busy) => unavailable(failed, breaker)
            .error("busy")
            .message("The model has more questions than it can answer; please ask again later.")
            .retry_after(SHORTLY)
            .into_response(),
        failed if failed.rejection().is_some() || failed.is_failure() => unavailable(failed, breaker)
            .message("The model cannot be reached at the moment, and there is nothing else to show for this question.")
            .default_retry_after(SHORTLY)
            .into_response(),
        // The API's own words stay in the log, in a form that cannot begin a line there: a user can
        // do nothing about them.
        refused => {
            tracing::warn!(error = refused.to_string(), "the text-generation API refused a request");
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            ErrorReply::new(status, "internal_error", "The question could not be answered.").into_response()
        }
    }
}

/// The rejection's time, or the breaker's for a call that was not rejected.
fn unavailable(failed: &GenerationError, breaker: Option<&CircuitBreaker>) -> Unavailable {
    let rejected = failed.rejection().map(Unavailable::from);
    rejected.or_else(|| breaker.map(Unavailable::for_breaker)).unwrap_or_default()
}

fn status(breaker: Option<&CircuitBreaker>) -> &'static str {
    breaker.map_or("unknown", |breaker| breaker.state().as_str())
}

async fn job(Shared(assistant): Shared<Arc<Assistant>>, Path(id): Path<String>) -> Response {
    // An invalid name counts as an unknown name.
    let found = id.parse::<JobId>().ok().and_then(|id| assistant.generator()?.queue().get(id));
    let Some(Job { question, progress, .. }) = found else {
        let message = "There is no such job, or not any longer.";
        return ErrorReply::new(StatusCode::NOT_FOUND, "not_found", message).into_response();
    };
    let reply = |status| JobReply::new(id, status);
    let (code, reply) = match progress {
        Progress::Pending => (StatusCode::ACCEPTED, reply("pending")),
        Progress::Done(answer) => (StatusCode::OK, reply("done").with_answer(&question, answer)),
        Progress::Failed(reason) => (StatusCode::OK, JobReply { message: Some(reason), ..reply("failed") }),
    };
    (code, Json(reply)).into_response()
}
