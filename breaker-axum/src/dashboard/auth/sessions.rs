//! Sessions: who has logged in. They are kept in memory only, few of them, and not for long.

use super::token::same;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long somebody stays logged in.
pub(crate) const LASTS: Duration = Duration::from_secs(8 * 3600);
/// How much chance there is in an identity.
const BYTES: usize = 32;
/// How many are logged in at once; with more, the longest ends.
const MOST: usize = 64;

#[derive(Clone)]
pub(crate) struct Session {
    /// What the cookie holds.
    pub(crate) id: String,
    /// What a request must bring along beside the cookie, which no other site can know.
    pub(crate) csrf: String,
    ends: Instant,
}

#[derive(Default)]
pub(crate) struct Sessions(Mutex<VecDeque<Session>>);

impl Session {
    /// The start of the identity: enough to tell sessions apart in an audit, and of no use to anybody else.
    pub(crate) fn sign(&self) -> &str {
        self.id.get(..8).unwrap_or_default()
    }
}

impl Sessions {
    /// A new session.
    pub(crate) fn begin(&self) -> Result<Session, getrandom::Error> {
        let session = Session { id: random()?, csrf: random()?, ends: Instant::now() + LASTS };
        let mut sessions = self.lock();
        if sessions.len() == MOST {
            sessions.pop_front();
        }
        sessions.push_back(session.clone());
        Ok(session)
    }

    /// The session with this identity, unless its time is over. All are compared, so that the time tells nothing of any.
    pub(crate) fn find(&self, id: &str) -> Option<Session> {
        self.lock()
            .iter()
            .fold(None, |found, session| if same(&session.id, id) { Some(session.clone()) } else { found })
    }

    pub(crate) fn end(&self, id: &str) {
        self.lock().retain(|session| !same(&session.id, id));
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Session>> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        sessions.retain(|session| session.ends > now);
        sessions
    }
}

/// Whether a text looks like what a cookie of ours holds.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == BYTES * 2 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// 256 bits that nobody can guess.
fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // A string takes everything.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_after_its_time_and_at_its_end() {
        let sessions = Sessions::default();
        let (one, other) = (sessions.begin().unwrap(), sessions.begin().unwrap());
        assert!(one.id.len() == 64 && one.id != other.id && one.csrf != one.id && one.csrf != other.csrf);
        sessions.end(&one.id);
        assert!(sessions.find(&one.id).is_none() && sessions.find(&other.id).is_some());
        tokio::time::advance(LASTS).await;
        assert!(sessions.find(&other.id).is_none());
        assert!(sessions.0.lock().unwrap().is_empty(), "it is not kept either");
    }

    #[tokio::test]
    async fn of_too_many_sessions_the_longest_ends() {
        let sessions = Sessions::default();
        let all: Vec<_> = (0..=MOST).map(|_| sessions.begin().unwrap()).collect();
        assert!(sessions.find(&all[0].id).is_none());
        assert!(all[1..].iter().all(|session| sessions.find(&session.id).is_some()));
    }
}
