//! Sends a user an answer while the model writes it.
//!
//! A task reads it from the provider, and sends it through a channel with few places.
//!
//! So a slow user does not count as silence of the provider: its limits run only while the task
//! waits for it.

use std::{pin::Pin, sync::Arc};

use futures_util::StreamExt as _;
use tokio::{
    select,
    sync::mpsc,
    time::{Sleep, sleep},
};

use super::{
    answer::Answer,
    asking::Asking,
    error::GenerationError,
    generator::{Generator, REFUSED},
    instead::BROKE_OFF,
    output::{MAX_OUTPUT_CHARS, validate},
    question::Question,
    streamed::Events,
    tokens::Event,
    wire::finish::Finish,
};

/// This number of pieces waits for a slow user before the provider has to wait too.
const PLACES: usize = 16;

/// Why an answer broke off when this service had no time left for it.
const ENDING: &str = "ending";

/// A piece for the user: the source, the tokens, and how the answer ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// The source of the text that follows; it has no text yet.
    Source(Answer),
    /// A piece of the text.
    Token(String),
    /// The answer is complete.
    Done {
        /// Why the model's text ended.
        finish: Option<Finish>,
        /// Whether there would have been more.
        truncated: bool,
    },
    /// The answer broke off, and its text so far is not complete.
    Cut {
        /// Why: `cut`, `timeout`, `failure` or `ending`.
        reason: &'static str,
        /// What else there is on the question.
        instead: Option<Answer>,
    },
    /// Another answer follows, from its beginning.
    Reset,
}

/// An answer in flight: what is known of it, and its events.
pub type Begun = (Answer, Events);

/// How one answer ended.
enum End {
    /// In the provider's way.
    Whole(Option<Finish>),
    /// At a limit of this service.
    Limit,
    /// With this service.
    Ending,
    /// With this error.
    Broken(GenerationError),
}

/// An incomplete answer.
struct Broke {
    /// The pieces for its user.
    reason: &'static str,
    /// Whether another attempt may succeed.
    is_transient: bool,
    /// Its source, if the user has seen nothing of it.
    untold: Option<Answer>,
}

/// The user has gone.
struct Unheard;

impl<T> From<mpsc::error::SendError<T>> for Unheard {
    fn from(_: mpsc::error::SendError<T>) -> Self {
        Self
    }
}

/// Streams the answer to this question, and returns when its first token has arrived. With `again`,
/// another answer follows one that breaks off, once.
///
/// An answer that breaks off before its first word, while the model still reasons, has the usual
/// fallbacks. When `ending` completes, the answer breaks off.
///
/// # Errors
/// As of [`Generator::stream`]; the user has seen nothing then.
///
/// # Cancellation
/// Dropping the future, or later the receiver, ends the call of the API at once.
pub async fn tell(
    generator: Arc<Generator>,
    question: Question,
    again: bool,
    ending: impl Future<Output = ()> + Send + 'static,
) -> Result<mpsc::Receiver<Piece>, GenerationError> {
    let begun = generator.stream(&question).await?;
    let (user, pieces) = mpsc::channel(PLACES);
    let limits = Limits { deadline: Box::pin(sleep(generator.limits().answer)), ending: Box::pin(ending) };
    let mut teller = Teller { generator, question, user, text: String::new() };
    tokio::spawn(async move {
        // The user has gone where a piece cannot be sent.
        let _ = teller.tell(begun, again, limits).await;
    });
    Ok(pieces)
}

/// A complete answer as a stream.
#[must_use]
pub fn told(answer: Answer) -> mpsc::Receiver<Piece> {
    let (user, pieces) = mpsc::channel(PLACES);
    let (text, finish) = (answer.text.clone(), answer.finish);
    let source = Answer { text: String::new(), ..answer };
    for piece in [Piece::Source(source), Piece::Token(text), Piece::Done { finish, truncated: false }] {
        // The channel has places for all of them, and the other end exists.
        let _ = user.try_send(piece);
    }
    pieces
}

struct Teller {
    generator: Arc<Generator>,
    question: Question,
    user: mpsc::Sender<Piece>,
    /// The text that the user has seen.
    text: String,
}

/// What ends a streamed answer, whatever its provider does.
struct Limits {
    /// Of this answer.
    deadline: Pin<Box<Sleep>>,
    /// Of the service.
    ending: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Limits {
    async fn over(&mut self) -> End {
        select! {
            biased;
            () = &mut self.deadline => End::Limit,
            () = &mut self.ending => End::Ending,
        }
    }
}

impl Teller {
    async fn tell(&mut self, begun: Begun, mut again: bool, mut limits: Limits) -> Result<(), Unheard> {
        let mut begun = begun;
        while let Some(broke) = self.one(begun, &mut limits).await? {
            let other = match broke.untold {
                Some(answer) => {
                    self.unless_gone(self.generator.stream_instead(&self.question, &answer, broke.reason)).await?
                }
                None if again && broke.is_transient => {
                    again = false;
                    self.user.send(Piece::Cut { reason: broke.reason, instead: None }).await?;
                    self.user.send(Piece::Reset).await?;
                    self.unless_gone(self.begin_again()).await?
                }
                None => None,
            };
            match other {
                Some(other) => {
                    begun = other;
                    self.text.clear();
                    limits.deadline = Box::pin(sleep(self.generator.limits().answer));
                }
                None => {
                    let instead = self.instead().await;
                    self.user.send(Piece::Cut { reason: broke.reason, instead }).await?;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Another answer, after the pause of a retry: its API has just failed.
    async fn begin_again(&self) -> Option<Begun> {
        sleep(self.generator.retry.min).await;
        self.generator.stream(&self.question).await.ok()
    }

    /// The result of a future, unless the user leaves before.
    async fn unless_gone<T>(&self, work: impl Future<Output = T>) -> Result<T, Unheard> {
        select! {
            biased;
            () = self.user.closed() => Err(Unheard),
            done = work => Ok(done),
        }
    }

    /// Streams one answer to its end; `Some`: it broke off.
    async fn one(&mut self, (head, events): Begun, limits: &mut Limits) -> Result<Option<Broke>, Unheard> {
        let end = self.relay(&head, events, limits).await?;
        let broke = |reason, is_transient, untold| Ok(Some(Broke { reason, is_transient, untold }));
        let untold = self.text.is_empty().then(|| head.clone());
        let done = match end {
            End::Broken(error) => {
                self.note(&head, &error);
                return broke(reason(&error, untold.is_some()), error.is_transient(), untold);
            }
            End::Ending => return broke(ENDING, false, None),
            End::Limit if untold.is_some() => return broke("timeout", true, untold),
            End::Limit => Piece::Done { finish: None, truncated: true },
            End::Whole(finish) => {
                if head.source.is_live() && finish == Some(Finish::Stop) {
                    self.keep().await;
                }
                let finish = finish.or(head.source.is_live().then_some(Finish::Unknown));
                Piece::Done { finish, truncated: finish == Some(Finish::Length) }
            }
        };
        self.user.send(done).await?;
        Ok(None)
    }

    /// Sends the text, and drops the provider's stream when the answer is complete, broken or too
    /// long, or when the user has gone.
    async fn relay(&mut self, head: &Answer, mut events: Events, limits: &mut Limits) -> Result<End, Unheard> {
        loop {
            let event = select! {
                biased;
                () = self.user.closed() => return Err(Unheard),
                end = limits.over() => return Ok(end),
                event = events.next() => event,
            };
            let end = match event {
                Some(Ok(Event::Token(text) | Event::Refusal(text))) => self.pass(head, &text, limits).await?,
                Some(Ok(Event::Aside)) => None,
                Some(Ok(Event::Finish(finish))) => Some(End::Whole(Some(finish))),
                Some(Ok(Event::Done)) => Some(End::Whole(None)),
                Some(Err(error)) => Some(End::Broken(error)),
                None => Some(End::Broken(GenerationError::Cut(None))),
            };
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    /// Sends a piece of text; its source goes before the first one.
    async fn pass(&mut self, head: &Answer, text: &str, limits: &mut Limits) -> Result<Option<End>, Unheard> {
        if self.text.is_empty()
            && let Some(end) = self.send(Piece::Source(head.clone()), limits).await?
        {
            return Ok(Some(end));
        }
        let room = MAX_OUTPUT_CHARS - self.text.chars().count();
        let (fits, rest) = text.split_at(text.char_indices().nth(room).map_or(text.len(), |(at, _)| at));
        self.text.push_str(fits);
        let end = self.send(Piece::Token(fits.to_owned()), limits).await?;
        Ok(end.or((!rest.is_empty()).then_some(End::Limit)))
    }

    /// Sends a piece while the provider waits. The limit of the whole answer applies to a user who
    /// does not read, too.
    async fn send(&self, piece: Piece, limits: &mut Limits) -> Result<Option<End>, Unheard> {
        select! {
            biased;
            sent = self.user.send(piece) => Ok(sent.map(|()| None)?),
            end = limits.over() => Ok(Some(end)),
        }
    }

    /// Caches the whole answer for outages of the API.
    async fn keep(&self) {
        if let Ok(text) = validate(&self.text) {
            self.generator.cache().put(&self.question, text).await;
        }
    }

    async fn instead(&self) -> Option<Answer> {
        self.generator.instead(&self.question, &Asking::new(), BROKE_OFF).await
    }

    fn note(&self, head: &Answer, error: &GenerationError) {
        let mut providers = self.generator.providers();
        if let Some(provider) = providers.find(|provider| Some(provider.key()) == head.provider.as_deref()) {
            provider.standing().note_cut(provider.key(), error);
        }
    }
}

/// Why an answer broke off, in a word for its user. Before the first word it is the reason of a
/// fallback.
fn reason(error: &GenerationError, untold: bool) -> &'static str {
    match error {
        GenerationError::Cut(_) if !untold => BROKE_OFF,
        GenerationError::Refused(_) if untold => REFUSED,
        error if error.is_timeout() => "timeout",
        _ => "failure",
    }
}
