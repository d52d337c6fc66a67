//! The room of the settings: what the environment says about the service itself (the breaker reads its own part).

use std::{fmt, str::FromStr, time::Duration};

use reqwest::Url;

use super::client::{GenerationParameters, Secret};

/// Where the text comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Backend {
    /// A text-generation API at this address.
    Api {
        /// The model's address.
        url: Url,
        /// The bearer token, if the API wants one.
        token: Option<Secret>,
    },
    /// The local model (`HF_USE_API=false`).
    Local,
}

/// How failed calls are tried again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// The most calls that one question may cost.
    pub attempts: u32,
    /// The wait after the first one; each further wait is twice as long.
    pub min: Duration,
    /// The longest wait.
    pub max: Duration,
    /// By which share of itself a wait may be longer, by chance, so that many waiting questions do not come back at one moment.
    pub jitter: f64,
}

/// The settings of the service.
#[derive(Clone, Debug, PartialEq)]
pub struct AssistantConfig {
    /// Where the text comes from; `None` is the embedded API.
    pub backend: Option<Backend>,
    /// How the text is generated.
    pub parameters: GenerationParameters,
    /// How failed calls are tried again.
    pub retry: RetryPolicy,
    /// The most answers in the L1 cache; one that is larger than 4 KiB counts as several.
    pub cache_capacity: u64,
    /// How long an answer stays in the L1 cache.
    pub cache_ttl: Duration,
    /// The most questions that wait for an answer.
    pub queue_capacity: usize,
    /// How long a queued question, or its answer, is kept.
    pub queue_ttl: Duration,
    /// The token for acting on the dashboard; without one it only shows.
    pub dashboard_token: Option<Secret>,
}

impl Default for AssistantConfig {
    fn default() -> Self {
        Self {
            backend: None,
            parameters: GenerationParameters {
                max_new_tokens: 256,
                temperature: 0.7,
                top_p: 0.95,
                repetition_penalty: 1.1,
            },
            retry: RetryPolicy { attempts: 3, min: Duration::from_secs(2), max: Duration::from_secs(10), jitter: 0.1 },
            cache_capacity: 10_000,
            cache_ttl: Duration::from_secs(3_600),
            queue_capacity: 100,
            queue_ttl: Duration::from_secs(900),
            dashboard_token: None,
        }
    }
}

/// A variable that cannot be obeyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    variable: &'static str,
    value: String,
    expected: &'static str,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: is `{}`, expected {}", self.variable, self.value, self.expected)
    }
}

impl AssistantConfig {
    /// Reads the settings from variables; `lookup` gives the value of one.
    ///
    /// # Errors
    /// Every variable that cannot be obeyed, not only the first.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<ConfigProblem>> {
        let mut reader = Reader { lookup, problems: Vec::new() };
        let mut config = Self { backend: reader.backend(), ..Self::default() };
        let p = &mut config.parameters;
        reader.number("HF_MAX_NEW_TOKENS", "a whole number from 1", |n| *n >= 1, &mut p.max_new_tokens);
        reader.number("HF_TEMPERATURE", "a number above 0, at most 5", |n| *n > 0.0 && *n <= 5.0, &mut p.temperature);
        reader.number("HF_TOP_P", "a number above 0, at most 1", |n| *n > 0.0 && *n <= 1.0, &mut p.top_p);
        reader.number(
            "HF_REPETITION_PENALTY",
            "a number from 1 to 5",
            |n| (1.0..=5.0).contains(n),
            &mut p.repetition_penalty,
        );
        reader.number("ASSISTANT_CACHE_CAPACITY", "a whole number", |_| true, &mut config.cache_capacity);
        reader.seconds("ASSISTANT_CACHE_TTL_SECONDS", &mut config.cache_ttl);
        reader.number("ASSISTANT_QUEUE_CAPACITY", "a whole number", |_| true, &mut config.queue_capacity);
        reader.seconds("ASSISTANT_QUEUE_TTL_SECONDS", &mut config.queue_ttl);
        config.dashboard_token = reader.dashboard_token();
        if reader.problems.is_empty() { Ok(config) } else { Err(reader.problems) }
    }
}

struct Reader<L> {
    lookup: L,
    problems: Vec<ConfigProblem>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    fn get(&self, variable: &str) -> Option<String> {
        (self.lookup)(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn backend(&mut self) -> Option<Backend> {
        let token = self.get("HF_API_TOKEN").map(Secret::new);
        let use_api = self.get("HF_USE_API").unwrap_or_else(|| "true".to_owned());
        match use_api.to_lowercase().as_str() {
            "false" | "0" | "no" => return Some(Backend::Local),
            "true" | "1" | "yes" => {}
            _ => self.problem("HF_USE_API", use_api, "true or false"),
        }
        let url = self.get("HF_API_URL")?;
        match Url::parse(&url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Some(Backend::Api { url, token }),
            // A URL may carry a password, so a bad one is not repeated.
            _ => {
                self.problem("HF_API_URL", "(not shown)".to_owned(), "an address that begins with http:// or https://");
                None
            }
        }
    }

    fn dashboard_token(&mut self) -> Option<Secret> {
        let token = self.get("DASHBOARD_TOKEN")?;
        if (16..=256).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Some(Secret::new(token));
        }
        let expected =
            "16 to 256 visible ASCII characters that nobody can guess, for instance from `openssl rand -hex 32`";
        self.problem("DASHBOARD_TOKEN", "(not shown)".to_owned(), expected);
        None
    }

    fn number<T: FromStr>(
        &mut self,
        variable: &'static str,
        expected: &'static str,
        fits: impl Fn(&T) -> bool,
        target: &mut T,
    ) {
        let Some(value) = self.get(variable) else { return };
        match value.parse() {
            Ok(number) if fits(&number) => *target = number,
            _ => self.problem(variable, value, expected),
        }
    }

    fn seconds(&mut self, variable: &'static str, target: &mut Duration) {
        let mut seconds = target.as_secs();
        self.number(variable, "a whole number of seconds from 1", |n| *n >= 1, &mut seconds);
        *target = Duration::from_secs(seconds);
    }

    fn problem(&mut self, variable: &'static str, value: String, expected: &'static str) {
        self.problems.push(ConfigProblem { variable, value, expected });
    }
}

#[cfg(test)]
mod tests {
    use super::{AssistantConfig, Backend};

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
        assert!(matches!(config.backend, Some(Backend::Api { token: Some(_), .. })));
        assert!(!format!("{config:?}").contains("hf_secret"));
    }
}
