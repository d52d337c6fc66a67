//! Keeps the breakers of a process by name, and their settings from code, file and environment.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `mod` | [`Registry`]: breakers by name, health, listeners |
//! | `configuration` | how code, file and environment are read |
//! | `inner` | what its lock guards: `functions`, `placing`, `remove`, `review` |
//! | `declaration`, `call_site` | what an annotated function says of its breaker, and where |
//! | `isolation` | a registry for each test |
//! | `logged_once`, `metrics`, `watch` | which messages were logged; metrics of all; open periods that end without a call |
//!
//! No user code and no listener runs under its lock. Logs and reports wait until the lock is
//! released.
//!
//! May use: `telemetry`, `call`, `classify`, `breaker` and what is below them. To add a source of
//! settings, read it in `config`, give it a place in `config::layers`, and put it in force in
//! `inner/placing`.

pub(crate) mod call_site;
mod configuration;
#[allow(missing_docs, reason = "for the expansion of the attributes only")]
pub(crate) mod declaration;
pub(crate) mod inner;
#[cfg(feature = "test-util")]
pub(crate) mod isolation;
pub(crate) mod logged_once;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "tokio")]
pub(crate) mod watch;

use crate::breaker::control::report_all;
use crate::breaker::handle::CircuitBreaker;
use crate::breaker::report::Observer;
use crate::breaker::snapshot::Health;
use crate::config::call_settings::PublishedCallSettings;
use crate::config::error::{ConfigError, ConfigErrorKind};
use crate::config::keys::Config;
use crate::config::text;
use crate::registry::call_site::CallSite;
#[cfg(feature = "register")]
use crate::registry::declaration::collected;
use crate::registry::declaration::{Declaration, Declared};
use crate::registry::inner::{PendingNotifications, RegistryState};
#[cfg(feature = "tokio")]
use crate::registry::watch::Watch;
use crate::sync::{Arc, LazyLock, Mutex};
use crate::telemetry::added_listener::AddedListener;
use crate::telemetry::event::Listener;
use crate::telemetry::listener::observer;
use std::panic::Location;

/// How many unhealthy keyed breakers health lists.
const KEYS_LISTED: usize = 100;

/// Breakers by name. A process has one [global](Registry::global) registry. Annotated functions
/// find their breakers in it.
pub struct Registry {
    inner: Arc<Mutex<RegistryState>>,
    /// Held while files and variables are read again. An older reading cannot replace a newer one.
    reloads: Mutex<()>,
    /// The breakers of its functions live as long as the process.
    forever: bool,
}

impl Registry {
    /// The process's registry.
    ///
    /// With the feature `register` (on by default) it knows the breaker of every annotated function
    /// from the start. In a test that runs in `testing::isolated` (feature `test-util`) this is the
    /// test's own registry.
    #[must_use]
    pub fn global() -> &'static Self {
        #[cfg(feature = "test-util")]
        if let Some(isolated) = isolation::registry() {
            return isolated;
        }
        static GLOBAL: LazyLock<Registry> = LazyLock::new(|| {
            let registry = Registry { forever: true, ..Registry::new() };
            registry.adopt();
            registry
        });
        &GLOBAL
    }

    /// An empty registry, for tests and for programs that keep several registries. Annotated
    /// functions do not use it.
    #[must_use]
    pub fn new() -> Self {
        Self { inner: Arc::default(), reloads: Mutex::default(), forever: false }
    }

    /// A registry that replaces the global one in a test. It treats the process's environment as
    /// empty.
    #[cfg(feature = "test-util")]
    pub(crate) fn isolated() -> Self {
        let registry = Self { inner: Arc::new(Mutex::new(RegistryState::isolated())), ..Self::new() };
        registry.adopt();
        registry
    }

    /// The breaker of this name, if there is one. `NAME[KEY]` is the keyed breaker for one key,
    /// after its first call. `NAME[*]` is the overflow breaker of keys beyond `max_keys`. A key can
    /// be written as it is, or as the breaker's [name](CircuitBreaker::name) shows it. If both
    /// forms match a keyed breaker, the name wins.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<CircuitBreaker> {
        let breaker = self.inner.lock().find(name);
        self.flush();
        breaker
    }

    /// The name of a breaker that is near to `name`, if there is one: at most a third of its
    /// letters differ. A name of more than 200 characters is near to none.
    ///
    /// ```
    /// # use breaker_core::{Config, Registry};
    /// let registry = Registry::new();
    /// registry.breaker("payments", Config::new())?;
    /// assert_eq!(registry.suggest("paymets").as_deref(), Some("payments"));
    /// assert_eq!(registry.suggest("search"), None);
    /// # Ok::<(), breaker_core::ConfigError>(())
    /// ```
    #[must_use]
    pub fn suggest(&self, name: &str) -> Option<String> {
        let names = self.inner.lock().names();
        text::nearest(name, names.iter().map(String::as_str)).map(str::to_owned)
    }

    /// The breaker of this name. It is made with `config` if there is none. An existing one takes
    /// over the keys that no code has set yet. A key with another value stays as it is, and
    /// [`load_env`](Self::load_env) reports the conflict.
    ///
    /// # Errors
    /// When a value of `config` is out of its range, or the name is empty.
    #[track_caller]
    pub fn breaker(&self, name: &str, config: Config) -> Result<CircuitBreaker, ConfigError> {
        // It may be removed again, so it does not live forever.
        self.declared_breaker(name, config, false)
    }

    /// The same for a part of the program that keeps its breaker, as an annotated function does. In
    /// the [global](Self::global) registry a breaker that is made here lives as long as the
    /// process. So neither its calls nor their errors write a reference count.
    ///
    /// # Errors
    /// As [`breaker`](Self::breaker).
    #[track_caller]
    pub fn declare(&self, name: &str, config: Config) -> Result<CircuitBreaker, ConfigError> {
        self.declared_breaker(name, config, self.forever)
    }

    #[track_caller]
    fn declared_breaker(&self, name: &str, config: Config, forever: bool) -> Result<CircuitBreaker, ConfigError> {
        let location = Location::caller().to_string();
        if name.is_empty() {
            return Err(ConfigError::nameless(&location));
        }
        if let Some(problem) = config.problems_of_whole(&location).into_iter().next() {
            return Err(problem);
        }
        let declared = Declared { location, config, can_time_out: true, by_default: None };
        let breaker = self.inner.lock().declare(name, declared, forever);
        self.flush();
        Ok(breaker)
    }

    /// Adds a breaker that was made by [`CircuitBreaker::new`]. Health lists it, and file and
    /// environment apply to it.
    ///
    /// # Errors
    /// When another breaker has its name.
    pub fn register(&self, breaker: &CircuitBreaker) -> Result<(), ConfigError> {
        let mut inner = self.inner.lock();
        if let Some(known) = inner.get(breaker.name()) {
            let location = format!("circuit breaker `{}`", breaker.name());
            let message = "cannot be registered: another breaker has this name";
            return match known.is(breaker) {
                true => Ok(()),
                false => Err(ConfigError::new(ConfigErrorKind::Conflict, location, message)),
            };
        }
        let location = "the registered breaker".to_owned();
        inner.insert(
            breaker.clone(),
            Declared { location, config: breaker.declared(), can_time_out: true, by_default: None },
        );
        drop(inner);
        self.flush();
        Ok(())
    }

    /// Removes a breaker that code made, by [`breaker`](Self::breaker) or
    /// [`register`](Self::register), and returns it. It serves a process that makes breakers for
    /// temporary things over a long time. The last handle frees its memory.
    ///
    /// An existing handle continues to work, with its current settings. Health no longer shows the
    /// breaker. The registry's listeners no longer observe it, and files and variables no longer
    /// change it. Its metrics end: counters keep their values and gauges become 0, because the
    /// facade `metrics` cannot remove a series. The name is free for another breaker. Files and
    /// variables apply to that one again, but not what [`set_config`](Self::set_config) set.
    ///
    /// # Errors
    /// When there is no breaker of this name, or an annotated function uses it. A function looks
    /// its breaker up once and keeps it forever. The same applies to all keyed breakers. Without
    /// the feature `register`, a function has its breaker from its first call.
    pub fn remove(&self, name: &str) -> Result<CircuitBreaker, ConfigError> {
        let removed = self.inner.lock().remove(name)?;
        #[cfg(feature = "metrics")]
        removed.clear_gauges();
        self.flush();
        Ok(removed)
    }

    /// All breakers, by name.
    #[must_use]
    pub fn breakers(&self) -> Vec<CircuitBreaker> {
        let breakers = self.inner.lock().all();
        self.flush();
        breakers
    }

    /// Where the breaker of this name was declared: the annotated functions that share it, and the
    /// callers of [`breaker`](Self::breaker), in the order of declaration. Each has the time limit
    /// of its calls and the source of that limit. An unknown name has none. A keyed breaker has its
    /// callsites under the name of its [parent](CircuitBreaker::parent).
    #[must_use]
    pub fn call_sites(&self, name: &str) -> Vec<CallSite> {
        self.inner.lock().call_sites(name)
    }

    /// Adds a listener to every present and future breaker of this registry. The returned value can
    /// remove the listener.
    pub fn add_listener(&self, listener: impl Listener) -> AddedListener {
        self.add_observer(observer(listener))
    }

    fn add_observer(&self, observer: Arc<dyn Observer>) -> AddedListener {
        let state = Arc::downgrade(&self.inner);
        let added = AddedListener::new(&observer, move |observer| {
            if let Some(state) = state.upgrade() {
                state.lock().remove_observer(observer);
                flush(&state);
            }
        });
        self.inner.lock().observe(observer);
        self.flush();
        added
    }

    /// Ends open periods on time when no call comes. It is a future for one task of the service,
    /// and never ends by itself.
    ///
    /// Without it, [`CircuitBreaker::state`], snapshots and health show the end of an open time at
    /// once. But listeners, the log, and metrics that follow events observe it with the next call.
    /// To them, a breaker without calls looks open. With it, they observe the half-open state when
    /// the time is over. The same applies to the end of a
    /// [`force_open_for`](CircuitBreaker::force_open_for). It covers all breakers of this registry,
    /// those that are made later, and keyed breakers.
    ///
    /// It has one timer, and waits while nothing is open. It adds no cost to calls. It takes no
    /// slot of a half-open trial: the next call is the first probe. Several watches at once do no
    /// harm: the first one reports. Listeners run on its task.
    ///
    /// ```
    /// # async fn serve() {
    /// use breaker_core::Registry;
    ///
    /// let watch = tokio::spawn(Registry::global().watch());
    /// // ...
    /// watch.abort(); // at the end, if the runtime goes on
    /// # }
    /// ```
    ///
    /// It ends where there is no tokio runtime with a timer, and logs that. It also ends when the
    /// registry is dropped.
    ///
    /// # Cancellation
    /// Dropping it, or the task, ends the watch and changes nothing else.
    #[cfg(feature = "tokio")]
    pub fn watch(&self) -> Watch {
        Watch::new(&self.inner, |observer| self.add_observer(observer))
    }

    /// Exports the metrics of every present and future breaker of this registry.
    #[cfg(feature = "metrics")]
    pub(crate) fn meter(&self) {
        self.inner.lock().meter();
        self.flush();
    }

    /// The snapshots of all breakers, and whether a critical one is open or half-open. Of the
    /// unhealthy keyed breakers it has the worst 100.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health_with(KEYS_LISTED)
    }

    /// The same with the worst `keys` unhealthy keyed breakers.
    #[must_use]
    pub fn health_with(&self, keys: usize) -> Health {
        Health::of(&self.breakers(), keys)
    }

    /// Returns the breaker of an annotated function, and the settings of that function alone, which
    /// calls read.
    pub(crate) fn declare_function(&self, declaration: &Declaration) -> (CircuitBreaker, Arc<PublishedCallSettings>) {
        let (name, declared, function) = declaration.read();
        let mut inner = self.inner.lock();
        let breaker = inner.declare(&name, declared.clone(), self.forever);
        let call_settings = inner.add_function(&name, &declared, function);
        (breaker, call_settings)
    }

    /// Makes the breakers of all annotated functions known.
    fn adopt(&self) {
        #[cfg(feature = "register")]
        for declaration in collected() {
            self.declare_function(declaration);
        }
    }

    /// Reports and logs pending notifications. The caller holds no lock.
    pub(crate) fn flush(&self) {
        flush(&self.inner);
    }
}

/// Reports and logs pending notifications. The caller holds no lock.
pub(crate) fn flush(state: &Mutex<RegistryState>) {
    let PendingNotifications { reports, created, problems, notices } = std::mem::take(&mut state.lock().pending);
    #[cfg(feature = "tracing")]
    {
        for notice in problems.iter().chain(&notices) {
            crate::breaker::log::notice(notice);
        }
        for breaker in &created {
            crate::breaker::log::created(breaker);
        }
    }
    drop((created, problems, notices));
    report_all(reports);
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("breakers", &self.inner.lock().names()).finish()
    }
}
