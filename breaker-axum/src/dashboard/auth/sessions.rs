//! Keeps the sessions of people who have logged in, in memory only.

use super::token::same;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The lifetime of a session.
pub(crate) const LIFETIME: Duration = Duration::from_secs(8 * 3600);
/// How many random bytes a session's ID has.
const ID_BYTES: usize = 32;
/// How many sessions exist at once. A further login ends the oldest session.
const MAX_SESSIONS: usize = 64;

/// A session.
#[derive(Clone)]
pub(crate) struct Session {
    /// The value of the cookie.
    pub(crate) id: String,
    /// What an action needs beside the cookie. Another site cannot know it.
    pub(crate) csrf: String,
    ends: Instant,
}

/// All sessions, the oldest first.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<VecDeque<Session>>);

impl Session {
    /// The start of the ID, which distinguishes sessions in the audit and is no credential.
    pub(crate) fn short_id(&self) -> &str {
        self.id.get(..8).unwrap_or_default()
    }
}

impl Sessions {
    /// Starts a session.
    pub(crate) fn start(&self) -> Result<Session, getrandom::Error> {
        let session = Session { id: random()?, csrf: random()?, ends: Instant::now() + LIFETIME };
        let mut sessions = self.lock();
        if sessions.len() == MAX_SESSIONS {
            sessions.pop_front();
        }
        sessions.push_back(session.clone());
        Ok(session)
    }

    /// The session with this ID, unless it has expired.
    ///
    /// All sessions are compared, so that the time taken reveals nothing about any of them.
    pub(crate) fn find(&self, id: &str) -> Option<Session> {
        self.lock()
            .iter()
            .fold(None, |found, session| if same(&session.id, id) { Some(session.clone()) } else { found })
    }

    /// Ends the session with this ID.
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

/// Whether a text has the form of a session's ID.
pub(crate) fn is_session_id(text: &str) -> bool {
    text.len() == ID_BYTES * 2 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// 256 random bits as hexadecimal text.
fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; ID_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
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
        let (one, other) = (sessions.start().unwrap(), sessions.start().unwrap());
        assert!(one.id.len() == 64 && one.id != other.id && one.csrf != one.id && one.csrf != other.csrf);
        sessions.end(&one.id);
        assert!(sessions.find(&one.id).is_none() && sessions.find(&other.id).is_some());
        tokio::time::advance(LIFETIME).await;
        assert!(sessions.find(&other.id).is_none());
        assert!(sessions.0.lock().unwrap().is_empty(), "it is not kept either");
    }

    #[tokio::test]
    async fn of_too_many_sessions_the_longest_ends() {
        let sessions = Sessions::default();
        let all: Vec<_> = (0..=MAX_SESSIONS).map(|_| sessions.start().unwrap()).collect();
        assert!(sessions.find(&all[0].id).is_none());
        assert!(all[1..].iter().all(|session| sessions.find(&session.id).is_some()));
    }
}
