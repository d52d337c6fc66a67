//! The settings of a layer.

use crate::BoxError;
use crate::body::BodyRules;
use crate::error::BuildError;
use crate::http_mode::{Http, Protocol};
use crate::key::{Keyed, NoKey};
use crate::layer::CircuitBreakerLayer;
use crate::mode::{Judged, Plain, Setup};
use crate::rejection::{open_boxed, open_grpc};
use crate::setting::SettingValue;
use crate::shared::{Record, Rule, Shared};
use crate::source::{BreakerSource, Source};
use breaker_core::presets;
use breaker_core::{CircuitBreaker, CircuitBreakerError, Config, Outcome, Registry};
use bytes::Bytes;
use http::Response;
use http::response::Parts;
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The settings of a [`CircuitBreakerLayer`]. A wrong one is an error of [`build`](Self::build).
///
/// The settings of the breaker are those of the attribute. What is not given here comes from
/// variables and files, as for annotated functions.
#[must_use = "`build` makes the layer"]
pub struct CircuitBreakerLayerBuilder<M = Http, E = BoxError, K = NoKey> {
    source: BreakerSource,
    config: Config,
    /// Single settings and their texts, which are above the `Config`.
    settings: Vec<(String, String)>,
    problem: Option<BuildError>,
    mode: M,
    key: K,
    open: Box<dyn Fn(CircuitBreakerError) -> E + Send + Sync>,
    rule: Rule<E>,
    record: Record<E>,
}

impl<M> CircuitBreakerLayerBuilder<M> {
    fn of_mode(source: BreakerSource, mode: M, open: fn(CircuitBreakerError) -> BoxError) -> Self {
        Self {
            source,
            config: Config::new(),
            settings: Vec::new(),
            problem: None,
            mode,
            key: NoKey,
            open: Box::new(open),
            rule: Box::new(presets::any),
            record: |permit, result, outcome| {
                permit.record_result(result, presets::errors(result).with_outcome(outcome));
            },
        }
    }
}

impl CircuitBreakerLayerBuilder<Http> {
    pub(crate) fn of_protocol(source: BreakerSource, protocol: Protocol) -> Self {
        let body = BodyRules { is_grpc: protocol == Protocol::Grpc, timeout: None, errors: Box::new(presets::any) };
        let mode = Http { protocol, head: None, fallback: None, body: Arc::new(body) };
        Self::of_mode(source, mode, if protocol == Protocol::Grpc { open_grpc } else { open_boxed })
    }
}

impl CircuitBreakerLayerBuilder<Plain> {
    pub(crate) fn plain(source: BreakerSource) -> Self {
        Self::of_mode(source, Plain::MODE, open_boxed)
    }
}

impl<E, K> CircuitBreakerLayerBuilder<Http, E, K> {
    /// How long a reader may wait for a frame of the body. After that the call is a failure, and
    /// the body ends with the error of a timeout. The time runs only while the reader waits.
    ///
    /// Takes a duration above zero, or `"off"`. Default: `off`. The breaker's `timeout` ends with
    /// the head.
    pub fn body_timeout(mut self, span: impl SettingValue) -> Self {
        let text = span.to_text();
        match parse_span(&text) {
            Some(span) => self.mode.change_body(|body| body.timeout = span),
            None => {
                let breaker = self.source.name().to_owned();
                self.find(BuildError::BodyTimeout { breaker, text });
            }
        }
        self
    }

    /// Says what a head counts as, before the table of [`Http`] does. `None`: the table decides.
    ///
    /// A failure and what is ignored end the call at the head. A success goes on with the body.
    pub fn classify_head(mut self, rule: impl Fn(&Parts) -> Option<Outcome> + Send + Sync + 'static) -> Self {
        self.mode.head = Some(Box::new(rule));
        self
    }

    /// Answers a rejected call in place of the service. `None`: the caller gets the rejection.
    ///
    /// It is for rejections alone: a failure and a timeout are the caller's. The answer is made of
    /// bytes, since the body of a client cannot be made.
    pub fn fallback(
        mut self,
        answer: impl Fn(&CircuitBreakerError) -> Option<Response<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        if self.mode.protocol == Protocol::Grpc {
            self.find(BuildError::FallbackOfGrpc(self.source.name().to_owned()));
        }
        self.mode.fallback = Some(Box::new(answer));
        self
    }
}

impl<E, K> CircuitBreakerLayerBuilder<Plain, E, K> {
    /// Says what a response counts as. Without it, each response is a success.
    pub fn classify_response<Res>(
        self,
        rule: impl Fn(&Res) -> Outcome + Send + Sync + 'static,
    ) -> CircuitBreakerLayerBuilder<Judged<Res>, E, K> {
        let Self { source, config, settings, problem, mode: Plain { .. }, key, open, rule: errors, record } = self;
        CircuitBreakerLayerBuilder {
            source,
            config,
            settings,
            problem,
            mode: Judged::new(rule),
            key,
            open,
            rule: errors,
            record,
        }
    }
}

impl<M, E> CircuitBreakerLayerBuilder<M, E> {
    /// A breaker for each key, as the setting `key` of the attribute. `None`: the breaker of all
    /// keys.
    ///
    /// Choose a key whose requests fail together, such as the host.
    pub fn key<Req>(
        self,
        key: impl Fn(&Req) -> Option<String> + Send + Sync + 'static,
    ) -> CircuitBreakerLayerBuilder<M, E, Keyed<Req>> {
        let Self { source, config, settings, problem, mode, key: NoKey, open, rule, record } = self;
        CircuitBreakerLayerBuilder { source, config, settings, problem, mode, key: Keyed::new(key), open, rule, record }
    }
}

impl<M: Setup, E, K> CircuitBreakerLayerBuilder<M, E, K> {
    /// Makes the error of a rejection and of a timeout. The service has errors of this type then,
    /// such as those of the inner service. Without it they are boxed.
    ///
    /// Call it before [`classify`](Self::classify), which gets errors of this type.
    pub fn open<Other: Error + Send + Sync + 'static>(
        self,
        open: impl Fn(CircuitBreakerError) -> Other + Send + Sync + 'static,
    ) -> CircuitBreakerLayerBuilder<M, Other, K> {
        let Self { source, config, settings, problem, mode, key, .. } = self;
        CircuitBreakerLayerBuilder {
            source,
            config,
            settings,
            problem,
            mode,
            key,
            open: Box::new(open),
            rule: Box::new(presets::any),
            record: |permit, result, outcome| {
                permit.record_result(result, presets::errors(result).with_outcome(outcome));
            },
        }
    }

    /// Says what an error of the inner service counts as, for example
    /// [`presets::hyper_util`](breaker_core::presets). Without it, [`presets::any`] does.
    ///
    /// Errors of a guarded body are boxed. They count so too where the errors of the service are.
    pub fn classify(mut self, rule: impl Fn(&E) -> Outcome + Clone + Send + Sync + 'static) -> Self
    where
        E: 'static,
    {
        let of_body = rule.clone();
        self.mode.set_errors(Box::new(move |error: &BoxError| match (error as &dyn Any).downcast_ref::<E>() {
            Some(error) => of_body(error),
            None => presets::any(error),
        }));
        self.rule = Box::new(rule);
        self
    }

    /// Settings of the breaker. What [`set`](Self::set) and the methods of single settings give is
    /// above it, in any order of the calls. A second `Config` replaces the first one.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// A setting of the breaker by its name, as in a settings file. The [reference] has them all.
    ///
    /// [reference]: https://docs.rs/breaker-core/latest/breaker_core/_guide/reference/
    pub fn set(mut self, setting: &str, value: impl SettingValue) -> Self {
        self.settings.push((setting.to_owned(), value.to_text()));
        self
    }

    /// How long the service may take for the head of its response, from the call on. The time in
    /// which the future waits for the inner service counts.
    ///
    /// Takes a duration above zero, or `"off"`. Default: `off`.
    pub fn timeout(self, span: impl SettingValue) -> Self {
        self.set("timeout", span)
    }

    /// How many consecutive failures open the breaker.
    ///
    /// Takes a number of 1 or more, or `"off"`. Default: `5`.
    pub fn fail_max(self, failures: impl SettingValue) -> Self {
        self.set("fail_max", failures)
    }

    /// How long the breaker stays open before it admits probes.
    ///
    /// Takes a duration. Default: `30s`.
    pub fn recovery_timeout(self, span: impl SettingValue) -> Self {
        self.set("recovery_timeout", span)
    }

    /// Makes the layer, and its breaker in [`Registry::global`] if there is none of that name. The
    /// breaker lives as long as the process, as that of an annotated function.
    ///
    /// # Errors
    /// When a setting is wrong.
    #[track_caller]
    pub fn build(self) -> Result<CircuitBreakerLayer<M, E, K>, BuildError> {
        let Self { source, config, settings, problem, mode, key, open, rule, record } = self;
        if let Some(problem) = problem {
            return Err(problem);
        }
        let with = |config: Config, (setting, text): &(String, String)| config.with_str(setting, text);
        let config = settings.iter().try_fold(config, with).map_err(|error| {
            let breaker = source.name().to_owned();
            BuildError::Setting { breaker, error }
        })?;
        let breaker = breaker_of(source, config)?;
        Ok(CircuitBreakerLayer::of(Shared { breaker, mode, key, open, rule, record }))
    }
}

impl<M, E, K> CircuitBreakerLayerBuilder<M, E, K> {
    /// Keeps the first problem.
    fn find(&mut self, problem: BuildError) {
        self.problem.get_or_insert(problem);
    }
}

/// A duration as in a settings file; `None` inside: it is off. A bare number is seconds.
fn parse_span(text: &str) -> Option<Option<Duration>> {
    let text = text.trim();
    if text == "off" {
        return Some(None);
    }
    let seconds = || text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let span = humantime::parse_duration(text).ok().or_else(seconds)?;
    (!span.is_zero()).then_some(Some(span))
}

#[track_caller]
fn breaker_of(source: BreakerSource, config: Config) -> Result<CircuitBreaker, BuildError> {
    match source.0 {
        Source::Name(name) => {
            Registry::global().declare(&name, config).map_err(|error| BuildError::Setting { breaker: name, error })
        }
        Source::Breaker(breaker) if config == Config::new() => Ok(breaker),
        Source::Breaker(breaker) => Err(BuildError::SettingsOfBreaker(breaker.name().to_owned())),
    }
}

impl<M, E, K> fmt::Debug for CircuitBreakerLayerBuilder<M, E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerLayerBuilder")
            .field("breaker", &self.source)
            .field("config", &self.config)
            .field("settings", &self.settings)
            .field("problem", &self.problem)
            .finish_non_exhaustive()
    }
}
