//! Access: who may act. A request shows the token itself (`Authorization: Bearer`), or the cookie of somebody who has logged in with it; the
//! cookie alone is not enough, since a browser sends it along with what another site has it do. Whoever is refused uses up an attempt.

use super::Dashboard;
use super::attempts::Attempts;
use super::reply::Refused;
use super::sessions::{Session, Sessions};
use super::token::{Token, same};
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The name of the cookie.
pub(super) const COOKIE: &str = "breaker_session";
/// The header with what the page was told and no other site can know.
const CSRF: &str = "x-csrf-token";

/// What there is where a token is configured.
pub(super) struct Access {
    token: Token,
    pub(super) sessions: Sessions,
    attempts: Attempts,
    /// The cookie is for https only.
    pub(super) secure: bool,
}

/// Who asks: what a request says of that.
pub(super) struct Caller {
    headers: HeaderMap,
    address: Option<IpAddr>,
}

impl Access {
    pub(super) fn new(token: Token, secure: bool) -> Self {
        Self { token, sessions: Sessions::default(), attempts: Attempts::default(), secure }
    }

    /// The session of a request that brings a cookie.
    pub(super) fn session(&self, caller: &Caller) -> Option<Session> {
        caller.cookies().find_map(|id| self.sessions.find(id))
    }
}

impl Dashboard {
    /// What this caller may do: `off`, `login` or `on`.
    pub(super) fn actions(&self, caller: &Caller) -> &'static str {
        match &self.access {
            None => "off",
            Some(access) if access.session(caller).is_some() => "on",
            Some(_) => "login",
        }
    }

    /// Who asks for an action, in words for the audit.
    pub(super) fn authorize(&self, access: &Access, caller: &Caller, action: &str) -> Result<String, Refused> {
        if let Some(token) = caller.bearer() {
            self.check_token(access, caller, token, action)?;
            return Ok(caller.shown("bearer"));
        }
        let wrong = match access.session(caller) {
            None => unauthorized("log in first, or send the token as a bearer token"),
            Some(_) if !caller.is_at_home(false) => {
                Refused::new(StatusCode::FORBIDDEN, "the request comes from another site")
            }
            Some(session) if caller.header(CSRF).is_some_and(|sent| same(sent, &session.csrf)) => {
                return Ok(caller.shown(&format!("session {}", session.sign())));
            }
            Some(_) => {
                let why = "the header X-CSRF-Token is missing or wrong; GET session has its value";
                Refused::new(StatusCode::FORBIDDEN, why)
            }
        };
        access.attempts.take(caller.address).map_err(too_many)?;
        Err(self.refuse(caller, action, wrong))
    }

    /// Compares a token that was sent, unless its sender has sent too many wrong ones.
    pub(super) fn check_token(
        &self,
        access: &Access,
        caller: &Caller,
        sent: &str,
        action: &str,
    ) -> Result<(), Refused> {
        access.attempts.take(caller.address).map_err(too_many)?;
        if access.token.is(sent) {
            access.attempts.give_back(caller.address);
            return Ok(());
        }
        Err(self.refuse(caller, action, unauthorized("the token is wrong")))
    }

    /// Writes down that somebody was refused of whom nobody knows who it is.
    pub(super) fn refuse(&self, caller: &Caller, action: &str, refused: Refused) -> Refused {
        self.audit.refused(&caller.shown("somebody"), (action, ""), &refused.why);
        refused
    }
}

fn unauthorized(why: &str) -> Refused {
    Refused::new(StatusCode::UNAUTHORIZED, why)
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

/// The audit does not have it, since a flood must not fill logs either; it has what led here.
fn too_many(wait: Duration) -> Refused {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Refused::new(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens came from this address; wait a little")
        .with_header(header::RETRY_AFTER, seconds)
}

impl Caller {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }

    fn cookies(&self) -> impl Iterator<Item = &str> {
        let lines = self.headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        // Other paths of the host may have set some of the same name.
        pairs.filter(|(name, _)| *name == COOKIE).map(|(_, id)| id).take(4)
    }

    /// Whether the request does not come from another site, as far as a browser says. A form's own `Origin` is `null` where no referrer is told.
    pub(super) fn is_at_home(&self, form: bool) -> bool {
        match (self.header("sec-fetch-site"), self.header("origin")) {
            (Some(site), _) => matches!(site, "same-origin" | "none"),
            (None, Some("null")) => form,
            (None, Some(origin)) => origin.split_once("://").map(|(_, host)| host) == self.header("host"),
            (None, None) => true,
        }
    }

    /// A browser that wants a page rather than data.
    pub(super) fn wants_page(&self) -> bool {
        self.header("accept").is_some_and(|accept| accept.contains("text/html"))
    }

    /// For the audit.
    pub(super) fn shown(&self, who: &str) -> String {
        match self.address {
            Some(address) => format!("{who} from {}", address.to_canonical()),
            None => who.to_owned(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        Ok(Self { headers: parts.headers.clone(), address })
    }
}
