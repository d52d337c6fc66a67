//! Decides whether a request may act.
//!
//! A request needs the token itself (`Authorization: Bearer`), or the cookie of a login. The cookie
//! alone is not enough, since a browser also sends it with requests that another site causes.
//!
//! Only a wrong token counts against the rate limit. A request from another site is refused before
//! its token is compared. A request without a token is no guess.

use super::audit::Audit;
use super::axum::http::{HeaderValue, StatusCode, header};
use super::caller::Caller;
use super::rate_limit::RateLimit;
use super::response::Refusal;
use super::sessions::{Session, Sessions};
use super::text::seconds;
use super::token::{Token, same};
use std::sync::Arc;
use std::time::Duration;

/// The token, the sessions and the rate limits of a dashboard that has a token.
pub(crate) struct Access {
    token: Token,
    pub(crate) sessions: Sessions,
    pub(crate) audit: Arc<Audit>,
    guesses: RateLimit,
    /// The guesses of forms whose origin the browser does not name.
    unknown_origin_guesses: RateLimit,
    /// How many other refusals of one address are recorded.
    recorded_refusals: RateLimit,
    /// Whether the cookie is for https only.
    pub(crate) secure_cookie: bool,
}

/// What a caller may do, as the page reads it: `off`, `login` or `on`.
pub(crate) fn permission(access: Option<&Access>, caller: &Caller) -> &'static str {
    match access {
        None => "off",
        Some(access) if access.session(caller).is_some() => "on",
        Some(_) => "login",
    }
}

impl Access {
    pub(crate) fn new(token: Token, secure_cookie: bool, audit: Arc<Audit>) -> Self {
        let [guesses, unknown_origin_guesses, recorded_refusals] = std::array::from_fn(|_| RateLimit::default());
        let sessions = Sessions::default();
        Self { token, sessions, audit, guesses, unknown_origin_guesses, recorded_refusals, secure_cookie }
    }

    /// The session of a request that has all that an action needs.
    fn acting_session(&self, caller: &Caller) -> Result<Session, Refusal> {
        if !caller.is_same_site() {
            return Err(forbidden("the request comes from another site"));
        }
        let none = || unauthorized("log in first, or send the token as a bearer token");
        let session = self.session(caller).ok_or_else(none)?;
        if caller.csrf().is_some_and(|sent| same(sent, &session.csrf)) {
            return Ok(session);
        }
        Err(forbidden("the header X-CSRF-Token is missing or wrong; GET session has its value"))
    }

    /// The session of a request with a cookie.
    pub(crate) fn session(&self, caller: &Caller) -> Option<Session> {
        caller.session_ids().find_map(|id| self.sessions.find(id))
    }

    /// Checks that a request may act, and returns its sender for the audit.
    pub(crate) fn authorize(&self, caller: &Caller, action: &str) -> Result<String, Refusal> {
        if let Some(token) = caller.same_site_bearer() {
            self.check_token(caller, token, action)?;
            return Ok(caller.describe("bearer"));
        }
        match self.acting_session(caller) {
            Ok(session) => Ok(caller.describe(&format!("session {}", session.short_id()))),
            Err(refusal) => Err(self.refuse(caller, action, refusal)),
        }
    }

    /// Checks that a login has the token and comes from this site.
    pub(crate) fn check_login(&self, caller: &Caller, sent: &str) -> Result<(), Refusal> {
        let refusal = match sent {
            _ if !caller.is_same_site_form() => forbidden("the form comes from another site"),
            "" => unauthorized("the field `token` is empty"),
            token => return self.check_token(caller, token, "login"),
        };
        Err(self.refuse(caller, "login", refusal))
    }

    /// Compares a token, unless its address has sent too many wrong ones.
    pub(crate) fn check_token(&self, caller: &Caller, sent: &str, action: &str) -> Result<(), Refusal> {
        let guesses = if caller.has_unknown_origin() { &self.unknown_origin_guesses } else { &self.guesses };
        guesses.acquire(caller.address).map_err(too_many)?;
        if self.token.is(sent) {
            guesses.refund(caller.address);
            return Ok(());
        }
        let refusal = unauthorized("the token is wrong");
        self.record(caller, action, &refusal);
        Err(refusal)
    }

    /// Refuses a request that is no guess.
    ///
    /// The audit records some of these per address, so that a flood does not fill the log. It
    /// records every wrong token.
    fn refuse(&self, caller: &Caller, action: &str, refusal: Refusal) -> Refusal {
        if self.recorded_refusals.acquire(caller.address).is_ok() {
            self.record(caller, action, &refusal);
        }
        refusal
    }

    /// Records the refusal of an unknown caller.
    fn record(&self, caller: &Caller, action: &str, refusal: &Refusal) {
        self.audit.record_refusal(&caller.describe("unknown caller"), (action, ""), &refusal.reason);
    }
}

fn forbidden(reason: &str) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, reason)
}

fn unauthorized(reason: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, reason)
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

/// Refuses a guess. The audit does not record it, so that a flood does not fill the log.
fn too_many(wait: Duration) -> Refusal {
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens came from this address; wait a little")
        .with_header(header::RETRY_AFTER, seconds(wait))
}
