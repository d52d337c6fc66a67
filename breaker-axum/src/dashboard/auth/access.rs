//! Access: who may act. A request shows the token itself (`Authorization: Bearer`), or the cookie of somebody who has logged in with it; the
//! cookie alone is not enough, since a browser sends it along with what another site has it do. Only a wrong token uses up an attempt: what
//! another site has a browser send is refused before its token is looked at, and who sends none has guessed nothing.

use super::Dashboard;
use super::axum::extract::ConnectInfo;
use super::axum::http::request::Parts;
use super::axum::http::uri::Authority;
use super::axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use super::rate_limit::Attempts;
use super::reply::Refused;
use super::sessions::{self, Session, Sessions};
use super::token::{Token, same};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The name of the cookie.
pub(crate) const COOKIE: &str = "breaker_session";
/// How many cookies of that name are looked at: more than a browser keeps for a site.
const MOST_COOKIES: usize = 256;
/// The header with what the page was told and no other site can know.
const CSRF: &str = "x-csrf-token";

/// What there is where a token is configured.
pub(crate) struct Access {
    token: Token,
    pub(crate) sessions: Sessions,
    attempts: Attempts,
    /// Those of forms of which the browser does not say whether they come from here.
    doubtful_attempts: Attempts,
    /// How many refusals of one address that took no attempt are written down.
    notes: Attempts,
    /// The cookie is for https only.
    pub(crate) secure: bool,
}

/// Who asks: what a request says of that.
pub(crate) struct Caller {
    headers: HeaderMap,
    /// Of the request's own address, which HTTP/2 has in place of the header `Host`.
    authority: Option<Authority>,
    pub(crate) address: Option<IpAddr>,
}

impl Access {
    pub(crate) fn new(token: Token, secure: bool) -> Self {
        let [attempts, doubtful_attempts, notes] = std::array::from_fn(|_| Attempts::default());
        Self { token, sessions: Sessions::default(), attempts, doubtful_attempts, notes, secure }
    }

    /// The session of a request that brings all that an action needs.
    fn acting_session(&self, caller: &Caller) -> Result<Session, Refused> {
        if !caller.is_at_home(false) {
            return Err(from_elsewhere("the request comes from another site"));
        }
        let none = || unauthorized("log in first, or send the token as a bearer token");
        let session = self.session(caller).ok_or_else(none)?;
        if caller.header(CSRF).is_some_and(|sent| same(sent, &session.csrf)) {
            return Ok(session);
        }
        let why = "the header X-CSRF-Token is missing or wrong; GET session has its value";
        Err(Refused::new(StatusCode::FORBIDDEN, why))
    }

    /// The session of a request that brings a cookie.
    pub(crate) fn session(&self, caller: &Caller) -> Option<Session> {
        caller.cookies().find_map(|id| self.sessions.find(id))
    }
}

impl Dashboard {
    /// What this caller may do: `off`, `login` or `on`.
    pub(crate) fn actions(&self, caller: &Caller) -> &'static str {
        match &self.access {
            None => "off",
            Some(access) if access.session(caller).is_some() => "on",
            Some(_) => "login",
        }
    }

    /// Who asks for an action, in words for the audit.
    pub(crate) fn authorize(&self, access: &Access, caller: &Caller, action: &str) -> Result<String, Refused> {
        if let Some(token) = caller.bearer_from_here() {
            self.check_token(access, caller, token, action)?;
            return Ok(caller.shown("bearer"));
        }
        match access.acting_session(caller) {
            Ok(session) => Ok(caller.shown(&format!("session {}", session.sign()))),
            Err(wrong) => Err(self.refuse(access, caller, action, wrong)),
        }
    }

    /// Whether a login shows the token, and comes from here.
    pub(crate) fn check_login(&self, access: &Access, caller: &Caller, sent: &str) -> Result<(), Refused> {
        let wrong = match sent {
            _ if !caller.is_at_home(true) => from_elsewhere("the form comes from another site"),
            "" => unauthorized("the field `token` is empty"),
            token => return self.check_token(access, caller, token, "login"),
        };
        Err(self.refuse(access, caller, "login", wrong))
    }

    /// Compares a token that was sent, unless its sender has sent too many wrong ones.
    pub(crate) fn check_token(
        &self,
        access: &Access,
        caller: &Caller,
        sent: &str,
        action: &str,
    ) -> Result<(), Refused> {
        let attempts = if caller.is_doubtful() { &access.doubtful_attempts } else { &access.attempts };
        attempts.take(caller.address).map_err(too_many)?;
        if access.token.is(sent) {
            attempts.give_back(caller.address);
            return Ok(());
        }
        let wrong = unauthorized("the token is wrong");
        self.note_refusal(caller, action, &wrong);
        Err(wrong)
    }

    /// Refuses without an attempt. Where there are too many of these from one address they are not written down, so that a flood fills no log;
    /// a wrong token always is.
    fn refuse(&self, access: &Access, caller: &Caller, action: &str, refused: Refused) -> Refused {
        if access.notes.take(caller.address).is_ok() {
            self.note_refusal(caller, action, &refused);
        }
        refused
    }

    /// Writes down that a caller was refused who has not shown who it is.
    fn note_refusal(&self, caller: &Caller, action: &str, refused: &Refused) {
        self.audit.refused(&caller.shown("somebody"), (action, ""), &refused.why);
    }
}

fn from_elsewhere(why: &str) -> Refused {
    Refused::new(StatusCode::FORBIDDEN, why)
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

    /// The token that it shows, unless another site has it sent.
    pub(crate) fn bearer_from_here(&self) -> Option<&str> {
        self.bearer().filter(|_| self.is_at_home(false))
    }

    fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
    }

    /// What cookies of our name hold. Other paths and hosts may have set some of the same name, and others with any bytes in them.
    fn cookies(&self) -> impl Iterator<Item = &str> {
        let lines = self.headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
        let pairs = lines.flat_map(|line| line.split(|&byte| byte == b';'));
        let ids =
            pairs.filter_map(|pair| std::str::from_utf8(pair).ok()?.trim().strip_prefix(COOKIE)?.strip_prefix('='));
        ids.filter(|id| sessions::is_id(id)).take(MOST_COOKIES)
    }

    /// Whether the request does not come from another site, as far as a browser says. A form's own `Origin` is `null` where no referrer is told.
    fn is_at_home(&self, form: bool) -> bool {
        match (self.headers.get("sec-fetch-site"), self.headers.get(header::ORIGIN)) {
            (Some(site), _) => site == "same-origin" || site == "none",
            (None, Some(origin)) if origin == "null" => form,
            (None, Some(origin)) => self.is_here(origin),
            (None, None) => true,
        }
    }

    /// Whether this origin is the one that the request was sent to.
    fn is_here(&self, origin: &HeaderValue) -> bool {
        let host = self.header("host").or(self.authority.as_ref().map(Authority::as_str));
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        origin.zip(host).is_some_and(|((_, origin), host)| origin.eq_ignore_ascii_case(host))
    }

    /// Whether the browser does not say where it comes from: a form of this page looks like one that another site hides in a frame.
    fn is_doubtful(&self) -> bool {
        self.header("sec-fetch-site").is_none() && self.header("origin") == Some("null")
    }

    /// A browser that wants a page rather than data.
    pub(crate) fn wants_page(&self) -> bool {
        self.header("accept").is_some_and(|accept| accept.contains("text/html"))
    }

    /// For the audit.
    pub(crate) fn shown(&self, who: &str) -> String {
        match self.address {
            Some(address) => format!("{who} from {}", address.to_canonical()),
            None => who.to_owned(),
        }
    }
}

impl From<Parts> for Caller {
    fn from(parts: Parts) -> Self {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        Self { headers: parts.headers, authority: parts.uri.into_parts().authority, address }
    }
}
