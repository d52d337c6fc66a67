//! The attributes of `breaker-core`, which re-exports them: tokens only, no logic.
//!
//! `args` reads the attribute, `target` the function, `check` makes a plan of both or tells all mistakes, `expand`
//! writes the plan as tokens; `recover` puts the messages beside the unchanged function.
#![forbid(unsafe_code)]

mod args;
mod block;
mod check;
mod classify;
mod expand;
mod fallback;
mod recover;
#[cfg(test)]
mod snapshots;
mod target;
#[cfg(test)]
mod untouched;
mod uses;

use proc_macro::TokenStream;

/// Puts a circuit breaker before a function that returns a `Result`, async or not, or before all such methods of an impl block.
///
/// A call asks the breaker first. While the breaker is open the body does not run, and the caller gets the error type's
/// `From<CircuitBreakerError>`, or what a [`macro@fallback`] serves. Body, signature and errors stay as written.
///
/// ```text
/// #[circuit_breaker(name = "huggingface_api", fail_max = 5, exclude(ValidationError))]
/// async fn generate(&self, query: &str) -> Result<Answer, GenerationError> { .. }
/// ```
///
/// # Keys
///
/// A duration is a string literal of numbers and their units (`w`, `d`, `h`, `m`, `s`, `ms`, `us`, `ns`: `"30s"`, `"1m 30s"`), checked at compile time, or
/// a const expression of type `Duration`. A count is an integer from 1 to `u32::MAX`, or a const expression of type `u32`. Values are constants; only
/// `key` may use arguments.
///
/// | key | value | default | meaning | example |
/// | --- | --- | --- | --- | --- |
/// | `name` | string of 1 to 200 bytes, or const | `module::Type::function` | name in the registry; equal names share one breaker | `name = "payments"` |
/// | `fail_max` | count | 5 | length of a run of counted failures that opens it | `fail_max = 3` |
/// | `fail_window` | duration above 0, or `"off"` | 60 s | a run is forgotten when longer than this passes between two of its failures; `"off"`: never | `fail_window = "2m"` |
/// | `recovery_timeout` | duration, 0 allowed | 30 s | how long it stays open before probes are let in | `recovery_timeout = "10s"` |
/// | `half_open_max_calls` | count | 1 | probes that hold a slot at once | `half_open_max_calls = 2` |
/// | `success_threshold` | count | 1 | probe successes that close it | `success_threshold = 3` |
/// | `probe_timeout` | duration above 0 | the larger of `recovery_timeout` and 2 x `timeout`; 1 s where that is 0 | a probe that has not come back by then loses its slot | `probe_timeout = "1m"` |
/// | `timeout` | duration above 0 | off | time limit of one call, from when it first has to wait; an overrun is a counted failure. `async fn` in a tokio runtime only | `timeout = "5s"` |
/// | `exclude(..)` | items | none | errors that prove nothing: neither counted, nor do they clear a run of failures | `exclude(ValidationError)` |
/// | `success(..)` | items | none | errors that prove that the service answers | `success(ApiError::NotFound)` |
/// | `include(..)` | items | none | errors that are failures; others are then neutral | `include(is_server_error)` |
/// | `otherwise` | `failure`, `neutral`, `success` | `failure`; `neutral` beside an `include` | what an error is that no list names | `otherwise = success` |
/// | `failure_if(..)` | items, no types | none | values in an `Ok` that are failures, such as a response with status 503 | `failure_if(\|r\| r.status().is_server_error())` |
/// | `classify` | alone | none | the error says what it counts as, unless a list names it: `E` is `Classify` | `classify` |
/// | `classify` | path of a `fn(&Result<T, E>) -> Outcome` | none | the function has the whole decision; no other key of this kind beside it | `classify = rules::both` |
/// | `stream` | alone | off | the `Ok` is a stream of results, and the call lasts until that ends, errs or is dropped; see below | `stream` |
/// | `on_cancel` | `ignore`, `failure`, or a duration above 0 | `ignore` | what a dropped call counts as; a duration: one dropped after it ran so long is a failure | `on_cancel = "10s"` |
/// | `on_panic` | `failure`, `ignore` | `failure` | what a panic of the body counts as | `on_panic = ignore` |
/// | `critical` | bool | `false` | health is degraded while it is not closed | `critical = true` |
/// | `enabled` | bool | `true` | `false`: calls pass straight through | `enabled = false` |
/// | `key` | expression of type `AsRef<str>`, evaluated for each call | off | one breaker per value, named `NAME[VALUE]`; it may use `self` and the arguments | `key = host` |
/// | `max_keys` | count | 10,000 | how many of them there are at most: the least recently used one that is idle and closed leaves first, and where there is none, new values share `NAME[*]` | `max_keys = 100` |
/// | `config` | path of a const `Config` | none | settings shared by several functions; keys beside it win | `config = crate::SHARED` |
/// | `env` | string literal of letters, digits and `_` | the name in upper case, with `_` for all but letters and digits (`shop::Client`: `SHOP__CLIENT`) | prefix of this breaker's environment variables | `env = "PAYMENTS"` |
/// | `crate` | path | `::breaker_core` | where breaker-core is, if renamed or re-exported | `crate = my_sdk::breaker_core` |
///
/// The policies, for which a run of failures is not enough. A share is a number above 0 and up to 1, or a const expression of type `f64`.
///
/// | key | value | default | meaning | example |
/// | --- | --- | --- | --- | --- |
/// | `failure_rate` | share | off | it also opens when this share (or more) of the calls in the window failed | `failure_rate = 0.5` |
/// | `slow_call` | duration above 0 | off | calls that take longer are slow | `slow_call = "2s"` |
/// | `slow_rate` | share | 0.5 | it also opens when this share (or more) of the calls in the window were slow; needs `slow_call` | `slow_rate = 0.8` |
/// | `window` | integer literal of calls (1 to 1,000,000), or a duration above 0 | 100 calls | what both rates look at | `window = "1m"` |
/// | `min_calls` | count, at most what the window holds | 10 | the least number of calls to judge by a rate | `min_calls = 20` |
/// | `backoff`, `backoff(..)` | alone, or with `factor` (1 or more), `max` (duration above 0), `jitter` (0 to 1) | off; then 2.0, `"10m"`, 0.1 | the open time grows by `factor` with each failed recovery up to `max`, and varies by the share `jitter` | `backoff(factor = 3.0, max = "5m")` |
/// | `ramp` | duration above 0 | off | after closing, a growing share of the calls is let in over this time | `ramp = "30s"` |
/// | `window_fail_max` | count | off | it also opens at so many failures in the window, whatever succeeded between them | `window_fail_max = 20` |
/// | `probe_window` | count | `success_threshold` | how many probes a recovery is judged by: it closes at `success_threshold` successes of so many, and opens again as soon as that is out of reach | `probe_window = 3` |
/// | `probe_failure_rate` | share | off | when `probe_window` probes are back it opens again if this share (or more) of them failed, and closes otherwise | `probe_failure_rate = 0.5` |
///
/// Keys that contradict each other are refused, such as a `slow_rate` without a `slow_call`.
///
/// # Items
///
/// The lists are asked in the order exclude, success, include; the first that names the error decides.
///
/// | item | example | matches |
/// | --- | --- | --- |
/// | type | `ValidationError`, `errors::ValidationError` | an error of that type, or one with it in its `source()` chain |
/// | pattern, with or without a guard | `GenError::Http { status: 400..=499, .. }`, `GenError::Http(s) if s.is_client_error()` | as `matches!` does |
/// | predicate | `is_client_error`, `\|e\| e.is_decode()` | where the `fn(&E) -> bool` says so |
///
/// A path whose last segment is lower case is a predicate; one whose last but one segment is upper case is a pattern
/// (so `GenError::Http` matches the variant, with or without fields; `GenError::LIMIT` is a const); any other is a type,
/// and so is `Self::Error`, or `T::Error` of a type parameter. `type(T)`, `pat(P)` and `fn(F)` say it outright.
///
/// # On an impl block
///
/// Every method whose written return type ends in `Result<..>` is guarded, and all share one breaker, whose default name is
/// `module::Type`. A method may say more:
///
/// ```text
/// #[circuit_breaker(fail_max = 3, exclude(ValidationError))]
/// impl Client {
///     async fn get(&self, id: u32) -> Result<Item, ApiError> { .. }
///     #[circuit_breaker(exclude(NotFound))] // instead of the block's `exclude`
///     async fn find(&self, text: &str) -> Result<Item, ApiError> { .. }
///     #[circuit_breaker(name = "upload", fail_max = 1)] // a breaker of its own, with the block's other keys
///     async fn put(&self, item: &Item) -> Result<(), ApiError> { .. }
///     #[circuit_breaker] // returns a `Result` that is called something else
///     async fn list(&self) -> Reply { .. }
///     #[circuit_breaker(skip)] // has no breaker
///     fn parse(text: &str) -> Result<Item, ApiError> { .. }
/// }
/// ```
///
/// Keys on a method win. Those that the breaker itself has (all but the lists, `otherwise`, `classify`, `stream` and `key`) stand on the block or on a method, but not on
/// both, unless the method has a `name` of its own. `#[fallback]` and `#[retry]` go on methods.
///
/// # Functions that return a future
///
/// A function may be `async`, or return `impl Future<Output = Result<..>>`, `Pin<Box<dyn Future<Output = Result<..>>>>`
/// or a `BoxFuture` (as `#[async_trait]` and `#[async_recursion]` leave it; put this attribute on the method of the
/// trait's impl, and above or below `#[async_recursion]`). In all of them nothing is asked before the first poll.
///
/// Where the body ends in `async { .. }`, `Box::pin(async { .. })` or `async { .. }.boxed()` the gate goes into that block.
/// Statements before it run when the function is called. Any other body runs when the function is called, and
/// its future is awaited behind the gate: a boxed one then needs a second box, an `impl Future + Unpin` a first one, and a fallback step can use arguments
/// that are shared references only.
///
/// # Beside other attributes
///
/// Above or below, as you like: `#[tracing::instrument]`, `#[async_recursion]`, `#[bon::builder]`, `#[axum::debug_handler]`,
/// `#[tokio::test]`. `#[cached]` goes below, where a hit does not ask the breaker: above, it copies this attribute to both of the functions that it makes, so
/// that a miss asks the breaker twice, and finds no second slot when it is half-open.
///
/// # What a type cannot see
///
/// A type item looks through `source()`, `Box<dyn Error>`, `io::Error::get_ref`, `Box<T>` and `Arc<T>`, and with breaker-core's
/// feature `anyhow` at errors that were given to `anyhow::Error::context`. For an error type that is no `Error + 'static`, nor
/// dereferences to `dyn Error`, it is a compile error. What no chain shows it cannot see; write the pattern instead:
///
/// | hidden | why | write |
/// | --- | --- | --- |
/// | `#[error(transparent)] Api(ApiError)` | the variant passes on what is *behind* `ApiError`, and leaves it out | `exclude(MyError::Api)`, `exclude(MyError::Api(ApiError::Empty))` |
/// | `Failed(ApiError)` without `#[from]` or `#[source]` | it has no `source()` | the same |
/// | `Failed(Vec<ApiError>)`, `Failed(Rc<ApiError>)` | the same | `exclude(MyError::Failed(all) if all.iter().any(ApiError::is_empty))` |
/// | `Failed(String)`, made with `to_string()` | the error is gone, its text is left | `exclude(MyError::Failed(text) if text.contains(".."))`, or keep the error |
/// | an error of another version of its crate | it is another type | the type of that version |
///
/// # Streams
///
/// With `stream` the `Ok` is a `Stream<Item = Result<_, _>>`, and is no success before its end: the first `Err` that comes
/// through it ends the call, with the lists (or `classify`) asked of it too, so with patterns its errors need to have the
/// function's error type. (They can use no argument of the function.) A stream that is dropped counts as `on_cancel` says.
/// The function returns `Result<impl Stream<..>, E>`, or `Result<Pin<Box<dyn Stream<..> + Send>>, E>`, which with a
/// `#[fallback]` it must. `timeout` is for the time until the stream is there.
///
/// ```text
/// #[circuit_breaker(name = "chat", stream)]
/// async fn chat(&self, prompt: &str) -> Result<impl Stream<Item = Result<Bytes, reqwest::Error>>, ApiError> { .. }
/// ```
///
/// # Limits
///
/// The default name leaves out traits and type arguments, so methods of one name that two traits give to one type share
/// a breaker.
///
/// The body of a function that is not async moves into a closure, so `#[track_caller]` has no effect in it. Temporaries of an
/// `async fn`'s last expression drop before the body's locals in every edition, as they do without the attribute from edition 2024 on. All
/// instances of a generic function share one breaker. A future is known by the written type, so an alias of one's own for
/// `Pin<Box<dyn Future<..>>>` is not.
#[proc_macro_attribute]
pub fn circuit_breaker(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    if block::is_block(&item) {
        return block::expand(&args.into(), &item).into();
    }
    match check::plan(args.into(), item.clone()) {
        Ok(plan) => expand::expand(&plan).into(),
        Err(error) => recover::item_and_message(&item, &error).into(),
    }
}

/// Says what a call gets instead, beside [`macro@circuit_breaker`] on the same function and in either order.
///
/// ```text
/// #[circuit_breaker(name = "huggingface_api")]
/// #[fallback(l1_cache = Self::cached_answer, excerpts = |rejection| self.excerpts(query).await, on(open, failure))]
/// async fn generate(&self, query: &str) -> Result<Answer, GenerationError> { .. }
/// ```
///
/// Steps are tried in their order. `source = STEP` names one in metadata and metrics; else a path's last segment does,
/// or `closure`, `value` or `cache`.
///
/// | step | is called as | example |
/// | --- | --- | --- |
/// | path | with the function's own arguments, `self` first | `Self::cached_answer` |
/// | closure: `\|rejection\| EXPR` | with `&Rejection`; `EXPR` may use the arguments and `self`, and `.await` in an `async fn` | `\|_\| self.excerpts(query).await` |
/// | `value(EXPR)` | an expression of the type in the function's `Ok` | `value(Vec::new())` |
/// | `cache(key = EXPR, ..)` | serves the last success that was stored under the key, see below | `cache(key = query, ttl = "1h")` |
///
/// A path or closure may be sync or (in an `async fn`) async, or give a future, and gives `Option<T>` (`None`: the next step's turn),
/// `Result<T, E>` (an `Err` ends the chain) or `Result<Option<T>, E>`; a closure that gives nothing but an `Err` needs its
/// return type. When every step declines, the caller gets what it would have got without fallbacks.
///
/// `on(..)` stands behind the steps and says when they are tried: `open` (rejected; the default), `timeout`, `failure`
/// (any counted failure). A neutral error never falls back.
///
/// References are passed on. An owned argument is moved to the last path step, and cloned for earlier ones; with
/// `timeout` or `failure` it is cloned before the body runs, if a step uses it, which is why it then needs `Clone`.
///
/// Where the result borrows from a `&mut` argument, rustc takes that argument for borrowed wherever the body or a step has had it:
/// one step can use it, under `on(open)`. And under `timeout` or `failure` the result waits while a step of an `async fn` runs,
/// so the function's future is `Send` only if the result is.
///
/// # `cache(..)`
///
/// ```text
/// #[circuit_breaker(name = "huggingface_api")]
/// #[fallback(
///     l1_cache = cache(key = (user, query), max = 1000, ttl = "10m"),
///     l2_cache = cache(store = self.redis, key = query, with = |answer, metadata| answer.marked(metadata)),
/// )]
/// async fn generate(&self, user: UserId, query: &str) -> Result<Answer, GenerationError> { .. }
/// ```
///
/// A success of the body is stored under the key; when it is the step's turn, the last one is served. What the lists, `failure_if` or
/// `classify` call a failure or neutral is not stored, and neither are errors and what other steps give. The value has to be `Clone`.
///
/// | key | value | default | meaning |
/// | --- | --- | --- | --- |
/// | `key` | expression | | what an answer depends on; it may use the arguments and `self` |
/// | `store` | expression | built in | a `Store` or `SyncStore` of breaker-core, or a reference to one; it may use the arguments and `self` |
/// | `max` | integer of 1 or more | 1000 | answers that the built-in cache keeps, about; those used longest ago leave first |
/// | `ttl` | duration above zero | `"10m"` | for how long the built-in cache keeps an answer |
/// | `with` | `\|answer, metadata\| EXPR`, or a function | as stored | the value to serve, of the stored one and its `&FallbackMetadata`, which has its age |
///
/// The **key** is evaluated once per call, before the breaker is asked and the body takes the arguments; also on a closed breaker, as a success
/// has to be stored. Arguments and fields in it are cloned, and what is borrowed becomes owned: `key = (user, query)` with a `query: &str`
/// makes a `String` of it. Give everything that the answer depends on, the fields of `self` too: nothing else keeps one caller's answer
/// from another.
///
/// Without `store` the answers are kept by a cache **built in** (breaker-core's feature `moka`): one per annotated function, and per instance
/// of a generic one. Its key is `Hash + Eq + Send + Sync + 'static`, its value `Send + Sync + 'static`; `max` and `ttl` are literals or
/// `const` expressions. The time to live follows the breaker's clock, and an isolated test has caches of its own.
///
/// An answer that borrows (`Result<&str, E>`) is not `'static`, and rustc then says at `cache` that a lifetime is too short: return what is owned.
///
/// A **store of your own** is asked after the call has been counted, and its expression is evaluated then, once; an owned argument in it is cloned before the
/// body runs. In a function that is not async it is a `SyncStore`. It can do nothing to the call: an error, a panic, or no answer within 250 ms (in a tokio
/// runtime with a timer) means that nothing is served, or nothing stored, and `Listener::store_failure` tells of it; the log has the
/// first failure at WARN, and others at DEBUG until a minute passes without one. A success waits for its stores, one after the other, so give a slow one a breaker of its own.
///
/// # Cancellation
/// A call that is dropped while it asks a step, or stores its answer, has been counted already; the answer is then not stored.
#[proc_macro_attribute]
pub fn fallback(args: TokenStream, item: TokenStream) -> TokenStream {
    fallback::move_to_the_end("fallback", &args.into(), &item.into()).into()
}

/// Calls the function again after a failure, beside [`macro@circuit_breaker`] on the same function, which is async, and in any
/// order. Needs breaker-core's feature `retry`.
///
/// ```text
/// #[circuit_breaker(name = "huggingface_api", timeout = "30s")]
/// #[retry(attempts = 3, min = "2s", max = "10s")]
/// #[fallback(l1_cache = Self::cached_answer)]
/// async fn generate(&self, query: &str) -> Result<Answer, GenerationError> { .. }
/// ```
///
/// Whatever order the attributes are written in, they work so, from the outside to the inside:
///
/// ```text
/// fallback > retry > circuit_breaker > timeout > body
/// ```
///
/// (Below a `#[circuit_breaker]`, and on the methods of its impl block, `#[retry]` and `#[fallback]` are found by their own names only, with or without a path.)
///
/// Each attempt is one call that the breaker counts, with a time limit of its own; the fallback's steps are asked when the last
/// one has ended as `on(..)` says.
///
/// | key | value | default | meaning | example |
/// | --- | --- | --- | --- | --- |
/// | `attempts` | integer of 2 or more | 3 | calls that are made at most, the first one included | `attempts = 5` |
/// | `min` | duration above 0 | `"2s"` | the wait after the first attempt | `min = "500ms"` |
/// | `max` | duration, `min` or more | `"10s"` | no wait is longer, but for its jitter, and for what `wait` allows | `max = "1m"` |
/// | `factor` | number of 1 or more | 2.0 | each wait is so many times the one before it | `factor = 1.5` |
/// | `jitter` | number from 0 to 1 | 0.1 | each wait is longer by a random share of itself, up to this one | `jitter = 0.2` |
/// | `wait` | alone, or a duration above 0 | off | an attempt that the breaker rejects is followed by another one after its `retry_after`, if that is at most this long; alone: at most `max` | `wait = "30s"` |
///
/// A value is a literal, which is checked at compile time, or an expression of type `u32`, `Duration` or `f64`. It is
/// evaluated once per call, before the first attempt, and may use `self` and the arguments. There, 0 attempts are 1, and a
/// `max` below `min` is the only wait.
///
/// Only counted failures and time-outs are followed by another attempt: neutral errors and those that `success(..)` names are
/// the caller's at once. So is a rejection, unless `wait` is given, and the error of an attempt after which the breaker is
/// open: waiting for a call that will be rejected is in vain.
///
/// A failure that says when the service wants to be called again (an `Outcome::Failure` with a `retry_after`, which the
/// ready-made rules read from `Retry-After`) is followed by the next attempt after that time, or after the regular wait where that is longer. If
/// it is longer than `max`, and than the duration of `wait`, there is no further attempt: an earlier one is known to be in vain.
///
/// A `key` of the breaker is evaluated for each attempt, so a body that goes on to another host asks that host's breaker next; but not after
/// an attempt that has opened its own host's, or was rejected by it: that ends the attempts, as above. A panic ends
/// the attempts and goes on unwinding. `on_cancel` is for an attempt under way; during a wait nothing is counted.
///
/// References are passed on, and each attempt gets a clone of the owned arguments, which therefore need `Clone`. `self` cannot
/// be taken by value, nor can the result borrow from a `&mut` argument.
///
/// A function that is not `async` and returns a future (as `#[async_trait]` and `#[async_recursion]` leave it) can have it where the
/// body ends in `async { .. }`, `Box::pin(async { .. })` or `async { .. }.boxed()`: each attempt runs that block. `let`s
/// before it run once, when the function is called, and each attempt gets a clone of those that it uses. A function whose
/// future is made elsewhere cannot have it, nor one that is not async at all: that could only block its thread.
///
/// Waits need a tokio runtime with its timer. Elsewhere the first attempt is the only one, and one log line says so.
///
/// # Cancellation
/// Dropping the future ends the attempt, or the wait, and none follows.
#[proc_macro_attribute]
pub fn retry(args: TokenStream, item: TokenStream) -> TokenStream {
    fallback::move_to_the_end("retry", &args.into(), &item.into()).into()
}

/// Says of each variant of an enum what it counts as: `impl Classify`, which `#[circuit_breaker(classify)]` asks.
///
/// ```text
/// #[derive(Debug, thiserror::Error, Classify)]
/// enum ApiError {
///     #[error("empty query")]
///     #[classify(neutral)]
///     EmptyQuery,
///     #[error("cannot be reached")]
///     #[classify(delegate)]
///     Http(#[from] reqwest::Error),
///     #[error("status {status}")]
///     #[classify(with = breaker_core::rules::http_status)]
///     Answered { status: u16 },
///     #[error("unreadable")]
///     Unreadable,
/// }
/// ```
///
/// | on a variant | it counts as |
/// | --- | --- |
/// | `#[classify(neutral)]`, `#[classify(success)]`, `#[classify(failure)]` | that |
/// | `#[classify(delegate)]` | what its field says, which is `Classify`: the only one, or the one that is named `source` or has `#[source]` or `#[from]` |
/// | `#[classify(with = path)]` | what the function says, which is called with all fields by reference, in their order: `fn(&u16) -> Outcome` |
/// | nothing | a failure |
///
/// On the enum itself, `#[classify(crate = path)]` says where breaker-core is, if renamed or re-exported.
#[proc_macro_derive(Classify, attributes(classify))]
pub fn classify(input: TokenStream) -> TokenStream {
    classify::derive(input.into()).into()
}
