//! Reads the settings of the providers: their addresses, protocols and text-generation options.

use reqwest::Url;

use super::{Backend, reader::Reader};
use crate::assistant::{
    api::{ApiKind, ROUTER},
    endpoint::Endpoint,
    wire::request::GenerationParameters,
};

/// The former text-generation host of Hugging Face.
const OLD_HOST: &str = "api-inference.huggingface.co";

/// The variables of one provider.
struct Names {
    url: &'static str,
    kind: &'static str,
    model: &'static str,
    token: &'static str,
    bill_to: &'static str,
}

const FIRST: Names =
    Names { url: "HF_API_URL", kind: "HF_API_KIND", model: "HF_MODEL", token: "HF_API_TOKEN", bill_to: "HF_BILL_TO" };

const SECOND: Names = Names {
    url: "HF_FALLBACK_API_URL",
    kind: "HF_FALLBACK_API_KIND",
    model: "HF_FALLBACK_MODEL",
    token: "HF_FALLBACK_API_TOKEN",
    bill_to: "HF_FALLBACK_BILL_TO",
};

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    /// The local model, or the first provider, if there is one.
    pub(super) fn backend(&mut self) -> Option<Backend> {
        let use_api = self.get("HF_USE_API").unwrap_or_else(|| "true".to_owned());
        match use_api.to_lowercase().as_str() {
            "false" | "0" | "no" => return Some(Backend::Local),
            "true" | "1" | "yes" => {}
            _ => self.problem("HF_USE_API", use_api, "true or false"),
        }
        self.endpoint(&FIRST).map(Backend::Api)
    }

    /// The second provider, if there is one.
    pub(super) fn second(&mut self) -> Option<Endpoint> {
        self.endpoint(&SECOND)
    }

    /// The protocol of the embedded API.
    pub(super) fn kind(&mut self, target: &mut ApiKind) {
        // The provider's settings have already reported an unknown kind.
        if let Some(kind) = self.get(FIRST.kind).and_then(|kind| kind.parse().ok()) {
            *target = kind;
        }
    }

    pub(super) fn parameters(&mut self, p: &mut GenerationParameters) {
        self.number("HF_MAX_NEW_TOKENS", "a whole number from 1", |n| *n >= 1, &mut p.max_new_tokens);
        self.number("HF_TEMPERATURE", "a number above 0, at most 5", |n| *n > 0.0 && *n <= 5.0, &mut p.temperature);
        self.number("HF_TOP_P", "a number above 0, at most 1", |n| *n > 0.0 && *n <= 1.0, &mut p.top_p);
        if self.get("HF_REPETITION_PENALTY").is_some() {
            let penalty = p.repetition_penalty.insert(1.0);
            self.number("HF_REPETITION_PENALTY", "a number from 1 to 5", |n| (1.0..=5.0).contains(n), penalty);
        }
    }

    /// One provider; `None` where there is neither an address nor a token.
    fn endpoint(&mut self, names: &Names) -> Option<Endpoint> {
        let mut kind = ApiKind::default();
        self.number(names.kind, "chat, completions, text_generation or tgi", |_| true, &mut kind);
        let (model, bill_to, token) = (self.word(names.model), self.word(names.bill_to), self.secret(names.token));
        let Some(base) = self.base(names) else {
            for (variable, value) in [(names.model, model), (names.bill_to, bill_to)] {
                if let Some(value) = value.filter(|_| self.get(names.url).is_none()) {
                    self.problem(
                        variable,
                        value,
                        "an address or a token beside it, without which there is no API to ask",
                    );
                }
            }
            return None;
        };
        if model.is_none() && kind.needs_model(&base) && self.get(names.model).is_none() {
            self.problem(names.model, "(not set)".to_owned(), "the id of a model, since the router has many");
        }
        if ApiKind::of_route(&base).is_some_and(|route| route != kind) {
            self.problem(names.kind, self.get(names.kind).unwrap_or_else(|| "chat".to_owned()), MISFIT);
        }
        Some(Endpoint { token, bill_to, ..Endpoint::new(&base, kind, model) })
    }

    /// The address from the settings; the router's where there is only a token.
    fn base(&mut self, names: &Names) -> Option<Url> {
        let Some(url) = self.get(names.url) else {
            return self.get(names.token).and_then(|_| ROUTER.parse().ok());
        };
        match Url::parse(&url) {
            Ok(url) if url.host_str() == Some(OLD_HOST) => {
                self.problem(names.url, OLD_HOST.to_owned(), MOVED);
                None
            }
            Ok(url) if matches!(url.scheme(), "http" | "https") => Some(url),
            // A URL may contain a password, so the error does not repeat a bad one.
            _ => {
                self.hidden_problem(names.url, "an address that begins with http:// or https://");
                None
            }
        }
    }
}

const MOVED: &str = "https://router.huggingface.co/v1, which generates texts in its place, with a model's id in the variable for the model";

const MISFIT: &str =
    "the kind of the route in the address: chat for /chat/completions, completions for /completions, tgi for /generate";

#[cfg(test)]
mod tests {
    use super::super::{AssistantConfig, Backend};
    use crate::assistant::{api::ApiKind, endpoint::Endpoint};

    fn read(variables: &[(&str, &str)]) -> Result<AssistantConfig, Vec<String>> {
        let lookup = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        AssistantConfig::read(lookup).map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn nothing_set_means_the_defaults() {
        assert_eq!(read(&[]), Ok(AssistantConfig::default()));
    }

    #[test]
    fn every_bad_variable_is_told_at_once() {
        let problems = read(&[("HF_TOP_P", "2"), ("ASSISTANT_QUEUE_TTL_SECONDS", "soon"), ("HF_USE_API", "maybe")]);
        let problems = problems.expect_err("three are bad");
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems.contains(&"HF_TOP_P: is `2`, expected a number above 0, at most 1".to_owned()));
    }

    #[test]
    fn a_token_of_the_dashboard_that_can_be_guessed_is_refused_and_not_repeated() {
        let problems = read(&[("DASHBOARD_TOKEN", "letmein")]).expect_err("it is short");
        assert!(problems[0].starts_with("DASHBOARD_TOKEN: is `(not shown)`, expected 16 to 256"), "{problems:?}");
    }

    #[test]
    fn the_token_is_never_printed() {
        let config =
            read(&[("HF_API_URL", "https://api.example/m"), ("HF_API_TOKEN", "hf_secret")]).expect("both are fine");
        assert!(matches!(config.backend, Some(Backend::Api(Endpoint { token: Some(_), .. }))));
        assert!(!format!("{config:?}").contains("hf_secret"));
    }

    /// The first provider of valid settings.
    fn first(variables: &[(&str, &str)]) -> Endpoint {
        match read(variables).expect("they are fine").backend {
            Some(Backend::Api(endpoint)) => endpoint,
            other => panic!("{other:?}"),
        }
    }

    fn problem(variables: &[(&str, &str)]) -> String {
        let problems = read(variables).expect_err("one of them cannot be obeyed");
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems.into_iter().next().unwrap_or_default()
    }

    #[test]
    fn an_address_alone_is_enough_for_a_local_server() {
        let endpoint = first(&[("HF_API_URL", "http://localhost:8080/v1")]);
        assert_eq!(endpoint.route.as_str(), "http://localhost:8080/v1/chat/completions");
        assert_eq!(
            (endpoint.kind, endpoint.model.as_ref(), endpoint.key()),
            (ApiKind::Chat, None, "localhost:8080".to_owned())
        );
    }

    #[test]
    fn a_token_alone_means_the_router_which_needs_a_model() {
        let endpoint = first(&[("HF_API_TOKEN", "hf_secret"), ("HF_MODEL", "org/model"), ("HF_BILL_TO", "acme")]);
        assert_eq!(endpoint.route.as_str(), "https://router.huggingface.co/v1/chat/completions");
        assert_eq!(endpoint.key(), "router.huggingface.co/org/model");
        assert_eq!(endpoint.bill_to.as_deref(), Some("acme"));
        let told = problem(&[("HF_API_TOKEN", "hf_secret")]);
        assert_eq!(told, "HF_MODEL: is `(not set)`, expected the id of a model, since the router has many");
    }

    #[test]
    fn each_kind_is_known_and_no_other() {
        for (name, kind, route) in [
            ("chat", ApiKind::Chat, "http://localhost/v1/chat/completions"),
            ("completions", ApiKind::Completions, "http://localhost/v1/completions"),
            ("text_generation", ApiKind::TextGeneration, "http://localhost/"),
            ("tgi", ApiKind::Tgi, "http://localhost/generate"),
        ] {
            let endpoint = first(&[("HF_API_URL", "http://localhost"), ("HF_API_KIND", name)]);
            assert_eq!((endpoint.kind, endpoint.route.as_str()), (kind, route));
        }
        assert!(problem(&[("HF_API_KIND", "grpc")]).starts_with("HF_API_KIND: is `grpc`, expected chat, completions,"));
        assert_eq!(read(&[("HF_API_KIND", "tgi")]).expect("it is fine").kind, ApiKind::Tgi, "the embedded API's");
    }

    #[test]
    fn an_old_address_is_told_the_new_one() {
        let told = problem(&[("HF_API_URL", "https://api-inference.huggingface.co/models/org/model")]);
        assert!(
            told.starts_with(
                "HF_API_URL: is `api-inference.huggingface.co`, expected https://router.huggingface.co/v1"
            ),
            "{told}"
        );
        let told = problem(&[("HF_FALLBACK_API_URL", "https://api-inference.huggingface.co/models/m")]);
        assert!(told.starts_with("HF_FALLBACK_API_URL: "), "{told}");
    }

    #[test]
    fn an_address_that_is_none_is_not_repeated() {
        let told = problem(&[("HF_API_URL", "ftp://me:secret@localhost")]);
        assert_eq!(told, "HF_API_URL: is `(not shown)`, expected an address that begins with http:// or https://");
    }

    #[test]
    fn a_route_of_another_kind_is_refused() {
        let told = problem(&[("HF_API_URL", "http://localhost/generate")]);
        assert!(told.starts_with("HF_API_KIND: is `chat`, expected the kind of the route in the address"), "{told}");
        let chat = ("HF_API_URL", "http://localhost/v1/chat/completions");
        assert!(problem(&[chat, ("HF_API_KIND", "completions")]).starts_with("HF_API_KIND: is `completions`"));
    }

    #[test]
    fn a_model_without_an_api_is_refused() {
        assert!(
            problem(&[("HF_MODEL", "org/model")])
                .starts_with("HF_MODEL: is `org/model`, expected an address or a token")
        );
        assert!(problem(&[("HF_FALLBACK_BILL_TO", "acme")]).starts_with("HF_FALLBACK_BILL_TO: is `acme`"));
    }

    #[test]
    fn what_no_header_can_carry_is_refused() {
        let url = ("HF_API_URL", "http://localhost");
        let told = problem(&[url, ("HF_API_TOKEN", "hf_se cret")]);
        assert_eq!(told, "HF_API_TOKEN: is `(not shown)`, expected visible ASCII characters without a blank");
        assert!(problem(&[url, ("HF_BILL_TO", "ac me")]).starts_with("HF_BILL_TO: is `ac me`"));
        assert!(problem(&[url, ("HF_MODEL", "größe")]).starts_with("HF_MODEL: is `größe`"));
    }

    #[test]
    fn a_second_provider_has_the_same_settings() {
        let variables = [
            ("HF_FALLBACK_API_URL", "https://llm.example/v1"),
            ("HF_FALLBACK_API_KIND", "completions"),
            ("HF_FALLBACK_MODEL", "small"),
            ("HF_FALLBACK_API_TOKEN", "sk-secret"),
            ("HF_FALLBACK_BILL_TO", "acme"),
        ];
        let config = read(&variables).expect("they are fine");
        let second = config.second.expect("there is one");
        assert_eq!(
            (second.route.as_str(), second.key()),
            ("https://llm.example/v1/completions", "llm.example/small".to_owned())
        );
        assert!(second.token.is_some() && second.bill_to.as_deref() == Some("acme"));
        assert_eq!(config.backend, None, "the first one is the embedded API");
    }

    #[test]
    fn the_other_settings_of_generation_are_read() {
        let variables = [
            ("HF_MAX_NEW_TOKENS", "9"),
            ("HF_TEMPERATURE", "0.5"),
            ("HF_TOP_P", "0.25"),
            ("HF_REPETITION_PENALTY", "1.5"),
            ("HF_MAX_PROMPT_CHARS", "1500"),
            ("HF_ATTEMPTS", "1"),
        ];
        let config = read(&variables).expect("they are fine");
        let p = config.parameters;
        assert_eq!((p.max_new_tokens, p.temperature, p.top_p, p.repetition_penalty), (9, 0.5, 0.25, Some(1.5)));
        assert_eq!((config.max_prompt_chars, config.retry.attempts), (1_500, 1));
        for bad in [
            ("HF_REPETITION_PENALTY", "0.5"),
            ("HF_MAX_PROMPT_CHARS", "499"),
            ("HF_ATTEMPTS", "0"),
            ("HF_ATTEMPTS", "11"),
        ] {
            assert!(problem(&[bad]).starts_with(bad.0));
        }
    }
}
