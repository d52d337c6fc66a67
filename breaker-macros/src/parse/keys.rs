//! Lists the keys of all attributes, with an example of each.

/// What follows a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `key = EXPR`
    Value,
    /// `key(ITEM, ..)`
    List,
    /// `key = PATH`
    Crate,
    /// `key`, or `key = EXPR`
    Maybe,
    /// `key`, or `key(NAME = EXPR, ..)`
    Named,
}

/// One key or name, and how it is written.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// A correct use, for messages.
    pub(crate) example: &'static str,
}

pub(crate) const fn key(name: &'static str, shape: Shape, example: &'static str) -> Key {
    Key { name, shape, example }
}

/// The keys of `#[circuit_breaker(..)]`.
pub(crate) const CIRCUIT_BREAKER: [Key; 36] = [
    key("name", Shape::Value, "name = \"payments\""),
    key("fail_max", Shape::Value, "fail_max = 5"),
    key("fail_window", Shape::Value, "fail_window = \"60s\""),
    key("recovery_timeout", Shape::Value, "recovery_timeout = \"30s\""),
    key("half_open_max_calls", Shape::Value, "half_open_max_calls = 1"),
    key("success_threshold", Shape::Value, "success_threshold = 1"),
    key("probe_timeout", Shape::Value, "probe_timeout = \"30s\""),
    key("timeout", Shape::Value, "timeout = \"5s\""),
    key("critical", Shape::Value, "critical = true"),
    key("enabled", Shape::Value, "enabled = false"),
    key("on_cancel", Shape::Value, "on_cancel = failure"),
    key("on_panic", Shape::Value, "on_panic = ignore"),
    key("config", Shape::Value, "config = SHARED"),
    key("env_prefix", Shape::Value, "env_prefix = \"PAYMENTS\""),
    key("crate", Shape::Crate, "crate = my_crate::breaker_core"),
    key("exclude", Shape::List, "exclude(ValidationError)"),
    key("success", Shape::List, "success(ApiError::NotFound)"),
    key("include", Shape::List, "include(ApiError::Http { status: 500..=599, .. })"),
    key("otherwise", Shape::Value, "otherwise = ignored"),
    key("failure_if", Shape::List, "failure_if(is_degraded)"),
    key("classify", Shape::Maybe, "classify = presets::both"),
    key("stream", Shape::Named, "stream(first_item = \"20s\", item_timeout = \"10s\", until = Event::is_last)"),
    key("key", Shape::Value, "key = host"),
    key("max_keys", Shape::Value, "max_keys = 10_000"),
    key("failure_rate", Shape::Value, "failure_rate = 0.5"),
    key("slow_call_duration", Shape::Value, "slow_call_duration = \"2s\""),
    key("slow_call_rate", Shape::Value, "slow_call_rate = 0.5"),
    key("window", Shape::Value, "window = 100"),
    key("min_calls", Shape::Value, "min_calls = 10"),
    key("backoff", Shape::Named, "backoff(factor = 2.0, max = \"10m\", jitter = 0.1)"),
    key("ramp", Shape::Value, "ramp = \"30s\""),
    key("window_fail_max", Shape::Value, "window_fail_max = 5"),
    key("probe_count", Shape::Value, "probe_count = 3"),
    key("probe_failure_rate", Shape::Value, "probe_failure_rate = 0.5"),
    key("max_concurrent", Shape::Value, "max_concurrent = 256"),
    key("open", Shape::Value, "open = not_called"),
];

/// The names inside `backoff(..)`.
pub(crate) const BACKOFF: [Key; 3] = [
    key("factor", Shape::Value, "factor = 2.0"),
    key("max", Shape::Value, "max = \"10m\""),
    key("jitter", Shape::Value, "jitter = 0.1"),
];

/// The names inside `stream(..)`.
pub(crate) const STREAM: [Key; 3] = [
    key("first_item", Shape::Value, "first_item = \"20s\""),
    key("item_timeout", Shape::Value, "item_timeout = \"10s\""),
    key("until", Shape::Value, "until = Event::is_last"),
];

/// The keys of the step `cache(..)`.
pub(crate) const CACHE: [Key; 5] = [
    key("key", Shape::Value, "key = query"),
    key("store", Shape::Value, "store = self.answers"),
    key("max", Shape::Value, "max = 1000"),
    key("ttl", Shape::Value, "ttl = \"10m\""),
    key("with", Shape::Value, "with = |answer, metadata| .."),
];

/// The keys of `#[retry(..)]`.
pub(crate) const RETRY: [Key; 8] = [
    key("attempts", Shape::Value, "attempts = 3"),
    key("min", Shape::Value, "min = \"2s\""),
    key("max", Shape::Value, "max = \"10s\""),
    key("factor", Shape::Value, "factor = 2.0"),
    key("jitter", Shape::Value, "jitter = 0.1"),
    key("wait", Shape::Maybe, "wait = \"30s\""),
    key("total", Shape::Value, "total = \"30s\""),
    key("when", Shape::List, "when(ApiError::Http { status: 503, .. })"),
];
