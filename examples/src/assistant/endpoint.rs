//! Describes one provider's endpoint: its address, protocol, model and token.

use reqwest::Url;

use super::{api::ApiKind, error::GenerationError, secret::Secret, wire::fault::shorten};

/// The model's name in requests where there is no other: the official clients send the same.
const UNKNOWN_MODEL: &str = "dummy";

/// The embedded API's one model.
pub const EMBEDDED_MODEL: &str = "note-reader";

/// The address and the protocol of an API.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// The provider's name in replies and breakers: its host, with its port where that is not the
    /// usual one.
    pub provider: String,
    /// The full route.
    pub route: Url,
    /// The protocol.
    pub kind: ApiKind,
    /// The requested model, if there is one.
    pub model: Option<String>,
    /// The bearer token, if the API wants one.
    pub token: Option<Secret>,
    /// The organisation that pays (`X-HF-Bill-To`).
    pub bill_to: Option<String>,
}

impl Endpoint {
    /// The API of this kind at a base address or a full route.
    #[must_use]
    pub fn new(base: &Url, kind: ApiKind, model: Option<String>) -> Self {
        let host = base.host_str().unwrap_or("?");
        let provider = base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Self { provider, route: kind.route(base, model.as_deref()), kind, model, token: None, bill_to: None }
    }

    /// The embedded API at this base address, under a name that does not change with its port.
    #[must_use]
    pub fn embedded(base: &Url, kind: ApiKind, provider: &str) -> Self {
        Self { provider: provider.to_owned(), ..Self::new(base, kind, Some(EMBEDDED_MODEL.to_owned())) }
    }

    /// The provider and the model, which are the key of its breaker.
    #[must_use]
    pub fn key(&self) -> String {
        self.model.as_ref().map_or_else(|| self.provider.clone(), |model| format!("{}/{model}", self.provider))
    }

    /// An API repeats a token that it does not know. The code hides it before it shortens the text,
    /// which could leave a part of it.
    pub(super) fn in_fit_words(&self, error: GenerationError) -> GenerationError {
        error.in_words(|words| shorten(&self.hide(words)))
    }

    /// The text without the token.
    pub(super) fn hide(&self, words: &str) -> String {
        self.token.as_ref().map_or_else(|| words.to_owned(), |token| token.hide(words))
    }

    /// In an answer a short token is a word like any other: local servers have `none`.
    pub(super) fn hide_long(&self, text: String) -> String {
        match &self.token {
            Some(token) if token.is_long() => token.hide(&text),
            _ => text,
        }
    }

    /// The offset from which an unfinished text may be the token.
    pub(super) fn held_from(&self, text: &str) -> usize {
        self.token.as_ref().map_or(text.len(), |token| token.held_from(text))
    }

    /// The model's name in a request.
    #[must_use]
    pub fn model_or_dummy(&self) -> &str {
        self.model.as_deref().unwrap_or(UNKNOWN_MODEL)
    }
}
