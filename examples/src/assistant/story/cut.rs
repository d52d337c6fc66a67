//! Plays the act of the stream: an answer that breaks off after some words.

use std::io;

use tokio::time::{Duration, Instant};

use super::{HEALTHY, RETRY, act::Stage, short};
use crate::assistant::{
    ask,
    config::{AssistantConfig, StreamLimits},
    question::Wish,
    service::Assistant,
    telling::Piece,
    upstream::{Behaviour, StreamEnd, Streaming},
};

const QUERY: &str = "How often do I feed the sourdough starter?";

/// The API sends some words, and then nothing more.
const FALLS_SILENT: Behaviour =
    Behaviour::Streams(Streaming { tokens: 5, gap: Duration::from_millis(150), then: StreamEnd::Stall });

/// Plays the act with a service of its own, so that the cache is empty.
pub(super) async fn play(stage: &Stage<'_>) -> io::Result<()> {
    stage
        .timeline
        .heading("Act 4: a streamed answer (`POST /query/stream`) whose API stops in the middle of a sentence");
    stage.upstream.behave(FALLS_SILENT).await;
    let limits = StreamLimits { token_gap: short::TOKEN_GAP, ..AssistantConfig::default().limits };
    let config = AssistantConfig { retry: RETRY, limits, ..AssistantConfig::default() };
    let assistant = Assistant::new(config, Some(stage.base.clone()))?;
    let question = assistant.question("ada".to_owned(), QUERY.to_owned(), Wish::SomethingNow);
    let begin = Instant::now();
    let failures = stage.breaker.snapshot().failure_count;
    let mut pieces = assistant.tell(question, false).await.map_err(io::Error::other)?;
    while let Some(piece) = pieces.recv().await {
        stage.timeline.say(&format!("{:>6.1} s  {}", begin.elapsed().as_secs_f64(), in_words(&piece)));
    }
    let failures = stage.breaker.snapshot().failure_count - failures;
    stage.timeline.say(&format!("          the breaker counted {failures} failure, although the status was 200"));
    stage.upstream.behave(HEALTHY).await;
    Ok(())
}

fn in_words(piece: &Piece) -> String {
    match piece {
        Piece::Source(answer) => format!("source  {}", answer.source.as_str()),
        Piece::Token(text) => format!("token   {text}"),
        Piece::Done { .. } => "done".to_owned(),
        Piece::Cut { reason, instead } => {
            let instead = instead.as_ref().map(|answer| answer.text.replace('\n', "\n          ")).unwrap_or_default();
            format!("{}\n          {instead}", ask::cut(reason))
        }
        Piece::Reset => "reset".to_owned(),
    }
}
