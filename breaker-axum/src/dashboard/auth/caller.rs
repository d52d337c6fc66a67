//! Reads from a request who sent it, and from where.

use super::axum::extract::ConnectInfo;
use super::axum::http::request::Parts;
use super::axum::http::uri::Authority;
use super::axum::http::{HeaderMap, HeaderValue, header};
use super::sessions::is_session_id;
use std::net::{IpAddr, SocketAddr};

/// The name of the session cookie.
pub(crate) const COOKIE: &str = "breaker_session";
/// How many cookies of that name are checked. A browser keeps fewer for a site.
const MAX_COOKIES: usize = 256;
/// The header with the session's CSRF token, which another site cannot know.
const CSRF: &str = "x-csrf-token";

/// The sender of a request.
pub(crate) struct Caller {
    headers: HeaderMap,
    /// The authority of the request's own address. HTTP/2 has it instead of the header `Host`.
    authority: Option<Authority>,
    pub(crate) address: Option<IpAddr>,
}

impl Caller {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The bearer token of the request, unless it comes from another site.
    pub(crate) fn same_site_bearer(&self) -> Option<&str> {
        self.bearer().filter(|_| self.is_same_site())
    }

    fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
    }

    /// The CSRF token of the request.
    pub(crate) fn csrf(&self) -> Option<&str> {
        self.header(CSRF)
    }

    /// The values of all session cookies.
    ///
    /// Other paths and hosts may set cookies of the same name. Other cookies may hold any bytes.
    pub(crate) fn session_ids(&self) -> impl Iterator<Item = &str> {
        let lines = self.headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
        let pairs = lines.flat_map(|line| line.split(|&byte| byte == b';'));
        let pairs = pairs.filter_map(|pair| Some(std::str::from_utf8(pair).ok()?.trim()));
        let ids = pairs.filter_map(|pair| pair.strip_prefix(COOKIE)?.strip_prefix('='));
        ids.filter(|id| is_session_id(id)).take(MAX_COOKIES)
    }

    /// Whether the request comes from this site, as far as a browser says so.
    pub(crate) fn is_same_site(&self) -> bool {
        self.comes_from_here(false)
    }

    /// The same for a form. Its `Origin` is `null` if the browser sends no referrer.
    pub(crate) fn is_same_site_form(&self) -> bool {
        self.comes_from_here(true)
    }

    fn comes_from_here(&self, accepts_null: bool) -> bool {
        match (self.headers.get("sec-fetch-site"), self.headers.get(header::ORIGIN)) {
            (Some(site), _) => site == "same-origin" || site == "none",
            (None, Some(origin)) if origin == "null" => accepts_null,
            (None, Some(origin)) => self.is_own_origin(origin),
            (None, None) => true,
        }
    }

    /// Whether the request was sent to this origin.
    fn is_own_origin(&self, origin: &HeaderValue) -> bool {
        let host = self.header("host").or(self.authority.as_ref().map(Authority::as_str));
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        origin.zip(host).is_some_and(|((_, origin), host)| origin.eq_ignore_ascii_case(host))
    }

    /// Whether the browser does not name the origin of a form.
    ///
    /// Such a form of this page looks like one that another site has hidden in a frame.
    pub(crate) fn has_unknown_origin(&self) -> bool {
        self.header("sec-fetch-site").is_none() && self.header("origin") == Some("null")
    }

    /// Whether it is a browser that wants a page rather than data.
    pub(crate) fn wants_page(&self) -> bool {
        self.header("accept").is_some_and(|accept| accept.contains("text/html"))
    }

    /// `who` with the address, for the audit.
    pub(crate) fn describe(&self, who: &str) -> String {
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
