//! What a gRPC response counts as: its `grpc-status`, in the head or in the trailers.
//!
//! At a channel each response is HTTP 200, and no `tonic::Status` exists yet. So this reads the
//! headers, with the same table as [`presets::tonic`](breaker_core::presets::tonic).

use crate::http_mode::{Head, Shown};
use breaker_core::presets::http_1::retry_after;
use breaker_core::{Outcome, presets};
use http::response::Parts;
use http::{HeaderMap, StatusCode, header};
use std::time::Duration;

/// The type of a failure that a `grpc-status` tells.
#[derive(Debug)]
pub(crate) struct GrpcStatus;

/// What a head says. A `grpc-status` in it decides, and so does a response that is no gRPC.
pub(crate) fn judge_head(parts: &Parts, is_empty: bool) -> Head {
    if let Some((outcome, text)) = judge_headers(&parts.headers) {
        return Head::Ends(outcome, Shown::Text(text));
    }
    if parts.status != StatusCode::OK {
        let outcome = match presets::http_status(&parts.status.as_u16()) {
            // A redirect or a page is no answer of the service.
            Outcome::Success if !parts.status.is_client_error() => Outcome::failure(),
            outcome => outcome,
        };
        return Head::Ends(with_wait(outcome, &parts.headers), Shown::Status(parts.status));
    }
    let is_grpc =
        parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    if is_empty || !is_grpc {
        let text = if is_empty { "the response has no grpc-status" } else { "the response is no gRPC" };
        return Head::Ends(Outcome::failure(), Shown::Text(text.to_owned()));
    }
    Head::Body
}

/// What headers or trailers with a `grpc-status` say, and the text of that. `None`: they have none.
pub(crate) fn judge_headers(headers: &HeaderMap) -> Option<(Outcome, String)> {
    let status = headers.get("grpc-status")?;
    let code = status.to_str().ok().and_then(|text| text.parse::<u32>().ok());
    let outcome = with_wait(of_code(code), headers);
    let text = if outcome.is_failure() {
        let code = String::from_utf8_lossy(status.as_bytes());
        let message = headers.get("grpc-message").map(|message| String::from_utf8_lossy(message.as_bytes()));
        format!("grpc-status {code}{}{}", if message.is_some() { ": " } else { "" }, message.unwrap_or_default())
    } else {
        String::new()
    };
    Some((outcome, text))
}

/// What a code counts as. One that gRPC does not know is as `Unknown`.
const fn of_code(code: Option<u32>) -> Outcome {
    match code {
        // Ok, InvalidArgument, NotFound, AlreadyExists, PermissionDenied, FailedPrecondition,
        // Aborted, OutOfRange, Unimplemented, Unauthenticated.
        Some(0 | 3 | 5 | 6 | 7 | 9 | 10 | 11 | 12 | 16) => Outcome::success(),
        // Cancelled, Unknown, DeadlineExceeded, ResourceExhausted, Internal, Unavailable, DataLoss.
        _ => Outcome::failure(),
    }
}

/// A failure with the time at which the service, or a proxy, wants to be called again.
fn with_wait(outcome: Outcome, headers: &HeaderMap) -> Outcome {
    let pushback = || headers.get("grpc-retry-pushback-ms")?.to_str().ok()?.trim().parse().ok();
    match pushback().map(Duration::from_millis).or_else(|| retry_after(headers)) {
        Some(wait) if outcome.is_failure() => Outcome::failure_with_retry_after(wait),
        _ => outcome,
    }
}
