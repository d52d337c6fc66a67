//! Defines the kinds of text-generation API and their routes, by the rules of popular clients.

use std::str::FromStr;

use reqwest::Url;

/// The host that routes to the providers of Hugging Face.
pub const ROUTER_HOST: &str = "router.huggingface.co";

/// The base address of that host.
pub const ROUTER: &str = "https://router.huggingface.co/v1";

/// The protocol of an API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ApiKind {
    /// OpenAI's chat completions, which nearly every server has.
    #[default]
    Chat,
    /// OpenAI's completions of a text.
    Completions,
    /// The `inputs` of Hugging Face's inference API, at the address itself.
    TextGeneration,
    /// The `inputs` of Text Generation Inference, at `/generate`.
    Tgi,
}

/// Each kind, its name in `HF_API_KIND`, and the end of its route's path.
const KINDS: [(ApiKind, &str, &str); 4] = [
    (ApiKind::Chat, "chat", "/chat/completions"),
    (ApiKind::Completions, "completions", "/completions"),
    (ApiKind::TextGeneration, "text_generation", ""),
    (ApiKind::Tgi, "tgi", "/generate"),
];

impl FromStr for ApiKind {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        KINDS.iter().find(|(_, known, _)| *known == name).map(|(kind, ..)| *kind).ok_or(())
    }
}

impl ApiKind {
    /// The kind whose full route this address is; `None` for a base address.
    #[must_use]
    pub fn of_route(url: &Url) -> Option<Self> {
        let path = url.path().trim_end_matches('/');
        KINDS.iter().find(|(_, _, end)| !end.is_empty() && path.ends_with(end)).map(|(kind, ..)| *kind)
    }

    /// The full route, from a base address or a full route. Only a `text_generation` at the router
    /// needs the model for it.
    ///
    /// | kind | base address | is asked at |
    /// | --- | --- | --- |
    /// | any | its own full route | that |
    /// | chat | ends with `/v1` | `/chat/completions` below it |
    /// | chat | any other | `/v1/chat/completions` below it |
    /// | completions | the same with `/completions` | |
    /// | tgi | any, without a `/v1` at its end | `/generate` below it |
    /// | text_generation | the router | `/hf-inference/models/MODEL` |
    /// | text_generation | any other | that |
    #[must_use]
    pub fn route(self, base: &Url, model: Option<&str>) -> Url {
        if Self::of_route(base) == Some(self) {
            return base.clone();
        }
        let path = base.path().trim_end_matches('/');
        let root = path.strip_suffix("/v1").unwrap_or(path);
        let path = match self {
            Self::Chat => format!("{root}/v1/chat/completions"),
            Self::Completions => format!("{root}/v1/completions"),
            Self::Tgi => format!("{root}/generate"),
            Self::TextGeneration => match model {
                Some(model) if root.is_empty() && is_router(base) => format!("/hf-inference/models/{model}"),
                _ => return base.clone(),
            },
        };
        let mut route = base.clone();
        route.set_path(&path);
        route
    }

    /// The route for streamed answers: TGI has one of its own.
    #[must_use]
    pub fn stream_route(self, route: &Url) -> Url {
        let mut route = route.clone();
        if self == Self::Tgi && route.path().ends_with("/generate") {
            route.set_path(&format!("{}_stream", route.path()));
        }
        route
    }

    /// Whether the address or the request has to name a model: the router has many.
    #[must_use]
    pub fn needs_model(self, base: &Url) -> bool {
        is_router(base) && !base.path().contains("/models/")
    }

    /// Whether it supports `repetition_penalty`. OpenAI's routes do not, and some servers refuse
    /// unknown fields.
    #[must_use]
    pub fn has_repetition_penalty(self) -> bool {
        matches!(self, Self::TextGeneration | Self::Tgi)
    }
}

fn is_router(url: &Url) -> bool {
    url.host_str() == Some(ROUTER_HOST)
}

#[cfg(test)]
mod tests {
    use super::{ApiKind, ROUTER};

    fn route(kind: ApiKind, base: &str) -> String {
        kind.route(&base.parse().expect("it is an address"), Some("org/model")).to_string()
    }

    #[test]
    fn chat_is_asked_where_the_official_clients_ask() {
        for (base, asked) in [
            (ROUTER, "https://router.huggingface.co/v1/chat/completions"),
            ("https://router.huggingface.co", "https://router.huggingface.co/v1/chat/completions"),
            ("https://router.huggingface.co/together", "https://router.huggingface.co/together/v1/chat/completions"),
            (
                "https://router.huggingface.co/hf-inference/models/org/model",
                "https://router.huggingface.co/hf-inference/models/org/model/v1/chat/completions",
            ),
            ("http://localhost:8080", "http://localhost:8080/v1/chat/completions"),
            ("http://localhost:8080/", "http://localhost:8080/v1/chat/completions"),
            ("http://localhost:8080/v1", "http://localhost:8080/v1/chat/completions"),
            ("http://localhost:8080/v1/", "http://localhost:8080/v1/chat/completions"),
            ("http://localhost:8080/api", "http://localhost:8080/api/v1/chat/completions"),
            ("http://localhost:8080/openai/chat/completions", "http://localhost:8080/openai/chat/completions"),
            ("http://localhost/v1?api-version=2", "http://localhost/v1/chat/completions?api-version=2"),
        ] {
            assert_eq!(route(ApiKind::Chat, base), asked, "{base}");
        }
    }

    #[test]
    fn completions_are_asked_where_the_official_clients_ask() {
        for (base, asked) in [
            (
                "https://router.huggingface.co/hf-inference/models/org/model",
                "https://router.huggingface.co/hf-inference/models/org/model/v1/completions",
            ),
            ("http://localhost/v1", "http://localhost/v1/completions"),
            ("http://localhost", "http://localhost/v1/completions"),
            ("http://localhost/v1/completions", "http://localhost/v1/completions"),
        ] {
            assert_eq!(route(ApiKind::Completions, base), asked, "{base}");
        }
    }

    #[test]
    fn inputs_are_asked_at_the_model_or_at_generate() {
        for (kind, base, asked) in [
            (ApiKind::TextGeneration, ROUTER, "https://router.huggingface.co/hf-inference/models/org/model"),
            (ApiKind::TextGeneration, "http://localhost/models/m", "http://localhost/models/m"),
            (ApiKind::TextGeneration, "http://localhost", "http://localhost/"),
            (ApiKind::Tgi, "http://localhost", "http://localhost/generate"),
            (ApiKind::Tgi, "http://localhost/v1", "http://localhost/generate"),
            (ApiKind::Tgi, "http://localhost/tgi/generate", "http://localhost/tgi/generate"),
        ] {
            assert_eq!(route(kind, base), asked, "{base}");
        }
    }

    #[test]
    fn tgi_streams_at_a_route_of_its_own() {
        let route =
            |kind: ApiKind, route: &str| kind.stream_route(&route.parse().expect("it is an address")).to_string();
        assert_eq!(route(ApiKind::Tgi, "http://localhost/generate"), "http://localhost/generate_stream");
        assert_eq!(route(ApiKind::Tgi, "http://localhost/tgi"), "http://localhost/tgi");
        assert_eq!(route(ApiKind::TextGeneration, "http://localhost/generate"), "http://localhost/generate");
        assert_eq!(route(ApiKind::Chat, "http://localhost/chat/completions"), "http://localhost/chat/completions");
    }

    #[test]
    fn a_full_route_names_its_kind() {
        let of = |path: &str| ApiKind::of_route(&format!("http://localhost{path}").parse().expect("it is an address"));
        assert_eq!(of("/v1/chat/completions"), Some(ApiKind::Chat));
        assert_eq!(of("/v1/completions/"), Some(ApiKind::Completions));
        assert_eq!(of("/generate"), Some(ApiKind::Tgi));
        assert_eq!((of("/v1"), of("/")), (None, None));
    }
}
