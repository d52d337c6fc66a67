//! Streams answers of the embedded API as server-sent events, and ends the body as requested.

use std::{io, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt as _, stream, stream::BoxStream};
use tokio::task::yield_now;

use super::{
    StreamEnd, Streaming,
    events::{Text, events},
    protocol::Form,
    server::pause,
};

/// The time between two comments.
const COMMENT_EVERY: Duration = Duration::from_secs(1);

/// Streams a text as the test requests.
pub(super) fn send(form: Form, text: Text<'_>, streaming: Streaming) -> Response {
    let Streaming { gap, then, .. } = streaming;
    let most = if then == StreamEnd::Empty { 0 } else { streaming.tokens };
    let text = Text { tokens: text.tokens.into_iter().take(most).collect(), ..text };
    let events = events(form, &text, then).into_iter().enumerate();
    let body = stream::unfold(events, move |mut events| async move {
        let (number, event) = events.next()?;
        if number > 0 {
            pause(gap).await;
        }
        Some((Ok(Bytes::from(event)), events))
    });
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(body.chain(rest(then)))).into_response()
}

/// What follows the events.
fn rest(end: StreamEnd) -> BoxStream<'static, io::Result<Bytes>> {
    match end {
        StreamEnd::Break => stream::once(broken()).boxed(),
        StreamEnd::Stall => stream::pending().boxed(),
        StreamEnd::Comments => stream::repeat_with(comment).then(|comment| comment).boxed(),
        _ => stream::empty().boxed(),
    }
}

/// An error of a body makes the server close the connection in the middle of it.
async fn broken() -> io::Result<Bytes> {
    // The server writes earlier events to the socket only while the body is pending.
    yield_now().await;
    Err(io::ErrorKind::ConnectionReset.into())
}

async fn comment() -> io::Result<Bytes> {
    tokio::time::sleep(COMMENT_EVERY).await;
    Ok(Bytes::from_static(b":\n\n"))
}
