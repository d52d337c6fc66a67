//! Registry: the breakers of a process by name, and what code, file and environment say of them.
//!
//! No user code and no listener runs under its lock: what there is to log or to tell waits until it is let go.

use crate::breaker::control::tell_all;
use crate::breaker::handle::CircuitBreaker;
use crate::breaker::report::Observer;
use crate::breaker::snapshot::Health;
use crate::config::call_settings::Terms;
use crate::config::env::Environment;
use crate::config::error::{ConfigError, ConfigErrorKind, ConfigErrors};
use crate::config::file::{FileSettings, TomlFile};
use crate::config::keys::Config;
use crate::config::report::Report;
use crate::registry::call_site::CallSite;
#[cfg(feature = "register")]
use crate::registry::declaration::gathered;
use crate::registry::declaration::{Declaration, Declared};
use crate::registry::inner::{Directory, Found, Waiting};
#[cfg(feature = "tokio")]
use crate::registry::watch::Watch;
use crate::sync::{Arc, LazyLock, Mutex};
use crate::telemetry::added_listener::AddedListener;
use crate::telemetry::event::Listener;
use crate::telemetry::listener::observer;
use std::ffi::OsString;
use std::panic::Location;
use std::path::Path;

/// How many unhealthy values of `key`s health lists.
const VALUES: usize = 100;

/// Breakers by name. A process has one [global](Registry::global) registry, in which annotated functions find theirs.
pub struct Registry {
    inner: Arc<Mutex<Directory>>,
    /// Held while files and variables are read again, so that what was read first is not put in force last.
    reloads: Mutex<()>,
    /// The breakers of its functions live as long as the process.
    forever: bool,
}

impl Registry {
    /// The process's registry.
    ///
    /// With the feature `register` (on by default) it knows the breaker of every annotated function from the start. In a test
    /// that runs in `testing::isolated` (feature `test-util`) this is the test's own registry.
    #[must_use]
    pub fn global() -> &'static Self {
        #[cfg(feature = "test-util")]
        if let Some(isolated) = crate::registry::isolation::registry() {
            return isolated;
        }
        static GLOBAL: LazyLock<Registry> = LazyLock::new(|| {
            let registry = Registry { forever: true, ..Registry::new() };
            registry.adopt();
            registry
        });
        &GLOBAL
    }

    /// An empty registry, for tests and for programs that keep several apart. Annotated functions do not use it.
    #[must_use]
    pub fn new() -> Self {
        Self { inner: Arc::default(), reloads: Mutex::default(), forever: false }
    }

    /// A registry that stands in for the global one in a test. It takes the process's environment for empty.
    #[cfg(feature = "test-util")]
    pub(crate) fn isolated() -> Self {
        let registry = Self { inner: Arc::new(Mutex::new(Directory::isolated())), ..Self::new() };
        registry.adopt();
        registry
    }

    /// The breaker of this name, if there is one. `NAME[VALUE]` is the one for a value of the attribute's `key`, once it has had a
    /// call, and `NAME[*]` the one that values share for which there was no room. A value can be written as it is, or as the breaker's
    /// [name](CircuitBreaker::name) has it; where both are a value's, it is the name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<CircuitBreaker> {
        let breaker = self.inner.lock().find(name);
        self.tell();
        breaker
    }

    /// The breaker of this name; it is made with `config` if there is none. Of an existing one, the keys that nobody has
    /// set yet are taken over; one that was set to another value stays, and [`init`](Self::init) tells of it.
    ///
    /// # Errors
    /// When a value of `config` is out of its range, or the name is empty.
    #[track_caller]
    pub fn breaker(&self, name: &str, config: Config) -> Result<CircuitBreaker, ConfigError> {
        let place = Location::caller().to_string();
        if name.is_empty() {
            return Err(ConfigError::nameless(&place));
        }
        if let Some(problem) = config.problems_of_whole(&place).into_iter().next() {
            return Err(problem);
        }
        let declared = Declared { place, config, can_be_cut: true, by_default: None };
        // It may be removed again, so it does not live for ever.
        let breaker = self.inner.lock().declare(name, declared, false);
        self.tell();
        Ok(breaker)
    }

    /// Makes a breaker known that was made by [`CircuitBreaker::new`]: health lists it, and file and environment hold for it.
    ///
    /// # Errors
    /// When another breaker has its name.
    pub fn register(&self, breaker: &CircuitBreaker) -> Result<(), ConfigError> {
        let mut inner = self.inner.lock();
        if let Some(known) = inner.get(breaker.name()) {
            let place = format!("circuit breaker `{}`", breaker.name());
            let message = "cannot be registered: there is another breaker of this name";
            return match known.is(breaker) {
                true => Ok(()),
                false => Err(ConfigError::new(ConfigErrorKind::Conflict, place, message)),
            };
        }
        let place = "the registered breaker".to_owned();
        inner
            .enter(breaker.clone(), Declared { place, config: breaker.declared(), can_be_cut: true, by_default: None });
        drop(inner);
        self.tell();
        Ok(())
    }

    /// Takes out a breaker that code made, by [`breaker`](Self::breaker) or [`register`](Self::register), and gives it: for a process that runs
    /// long and makes breakers for what comes and goes. With the last handle its memory is free.
    ///
    /// A handle that is still held works on, with the settings that it has. Health no longer shows it, the registry's listeners no longer hear
    /// of it, files and variables no longer change it, and its metrics end: counters stay where they are, gauges are 0, since the
    /// facade `metrics` cannot take a series away. The name is free for another breaker, for which files and variables hold again, but not
    /// what [`configure`](Self::configure) said.
    ///
    /// # Errors
    /// When there is no breaker of this name, or an annotated function has it, which finds it once and for ever; this holds for all values
    /// of a `key`. Without the feature `register` a function has its breaker from its first call.
    pub fn remove(&self, name: &str) -> Result<CircuitBreaker, ConfigError> {
        let removed = self.inner.lock().remove(name)?;
        #[cfg(feature = "metrics")]
        removed.meter_takes_leave();
        self.tell();
        Ok(removed)
    }

    /// All breakers, by name.
    #[must_use]
    pub fn breakers(&self) -> Vec<CircuitBreaker> {
        let breakers = self.inner.lock().all();
        self.tell();
        breakers
    }

    /// Where the breaker of this name was declared: the annotated functions that share it, and the callers of
    /// [`breaker`](Self::breaker), in the order in which they came, each with the time limit of its calls and where that came from. None for an unknown one; a value of a `key` has those of its [head](CircuitBreaker::head), under whose name they are.
    #[must_use]
    pub fn call_sites(&self, name: &str) -> Vec<CallSite> {
        self.inner.lock().call_sites(name)
    }

    /// Adds a listener to every breaker of this registry, present and future; what it gives takes the listener off again.
    pub fn add_listener(&self, listener: impl Listener) -> AddedListener {
        self.add_observer(observer(listener))
    }

    fn add_observer(&self, observer: Arc<dyn Observer>) -> AddedListener {
        let directory = Arc::downgrade(&self.inner);
        let added = AddedListener::new(&observer, move |observer| {
            if let Some(directory) = directory.upgrade() {
                directory.lock().take_off(observer);
                tell(&directory);
            }
        });
        self.inner.lock().observe(observer);
        self.tell();
        added
    }

    /// Ends openings at their time although no call comes: a future for one task of the service, which never ends by itself.
    ///
    /// Without it an open time that is over shows in [`CircuitBreaker::state`], snapshots and health at once, but listeners, the log, and metrics that follow
    /// events hear of it with the next call: a breaker that nobody calls looks open to them. With it they hear that it is half-open when the time is over, and
    /// that a [`force_open_for`](CircuitBreaker::force_open_for) is. All breakers of this registry belong to it, those that are made later and the values of a
    /// `key` too.
    ///
    /// It has one timer, and waits while nothing is open. Calls cost what they cost without it. It takes no place of a trial: the next call is the first
    /// probe. Several at once do no harm; the first one tells. Listeners run on its task.
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
    /// It ends where there is no tokio runtime with a timer, which is logged, and when the registry is gone.
    ///
    /// # Cancellation
    /// Dropping it, or the task, ends the watch and changes nothing else.
    #[cfg(feature = "tokio")]
    pub fn watch(&self) -> Watch {
        Watch::new(&self.inner, |noting| self.add_observer(Arc::new(noting)))
    }

    /// Has every breaker of this registry metered, present and future.
    #[cfg(feature = "metrics")]
    pub(crate) fn meter(&self) {
        self.inner.lock().meter();
        self.tell();
    }

    /// What all breakers show of themselves, and whether a critical one is not closed. Of the unhealthy values of `key`s it has the worst 100.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health_with(VALUES)
    }

    /// The same with another number of values of `key`s.
    #[must_use]
    pub fn health_with(&self, values: usize) -> Health {
        Health::of(&self.breakers(), values)
    }

    /// Settings for the breaker of this name, made already or not: above those of its attribute, below `[all]` of the file and the
    /// environment. They replace what an earlier call set for it.
    ///
    /// # Errors
    /// When a value is out of its range, or leaves the breaker no rule on failures; then nothing is changed.
    pub fn configure(&self, name: &str, config: Config) -> Result<(), ConfigError> {
        let place = format!("configure(\"{name}\")");
        if let Some(problem) = config.problems(&place).into_iter().next() {
            return Err(problem);
        }
        let problem = self.inner.lock().configure(name, config).into_iter().next();
        self.tell();
        problem.map_or(Ok(()), Err)
    }

    /// Reads settings from a TOML file, with the keys of the attribute. `[defaults]` lies under what code says of a breaker, `[all]`
    /// above it; both are for every breaker. `[breakers.NAME]` is for one, and lies above them. `[functions."module::Type::function"]` is for one
    /// annotated function: its `timeout`, and the keys of its retries. They replace those of an earlier
    /// file. It takes any path, and needs the feature `toml`.
    ///
    /// ```toml
    /// [defaults]
    /// recovery_timeout = "20s"
    ///
    /// [all]
    /// fail_window = "2m"
    ///
    /// [breakers.huggingface_api]
    /// fail_max = 3
    /// ```
    ///
    /// The report has names in the file that no breaker has, and whatever else is odd about the configuration: see [`Report::warnings`].
    ///
    /// # Errors
    /// Every problem of the file at once; then nothing is changed. Of a file that switches the last rule on failures of a known breaker
    /// off, too, and of one without any table after one that set a key: see [`reload`](Self::reload).
    #[allow(clippy::needless_pass_by_value, reason = "as `std::fs` takes paths")]
    pub fn load(&self, path: impl AsRef<Path> + TomlFile) -> Result<Report, ConfigErrors> {
        // The path may be a type of the caller's, and thus run any code.
        let path = path.as_ref().to_owned();
        let reloads = self.reloads.lock();
        let file = FileSettings::load(&path).map_err(ConfigErrors::new)?;
        let found = self.inner.lock().load(file, &path);
        drop(reloads);
        self.tell_found(found)
    }

    /// Reads again what can change while the process runs: the file of the last [`load`](Self::load), and the process's environment (unless
    /// [`init_from`](Self::init_from) gave other variables, which stay). What was set by `configure` and `reconfigure` stays. This is the one call for a
    /// handler of SIGHUP, or for whoever watches the file; `cargo run --example reload` shows both ways a reload can end.
    ///
    /// Breakers keep their state, their listeners, and what they have counted where that still means the same: a window whose size has changed
    /// starts anew.
    ///
    /// Write the file beside the old one and rename it: a reload may come while it is half written. One without any table, after one that
    /// set a key, is taken for such and refused, also by [`load`](Self::load); an empty `[all]` says that nothing is set. A file that is cut off behind a table cannot be
    /// told from one that is meant so.
    ///
    /// # Errors
    /// Every problem at once. If one is in the file, nothing is changed at all. Of variables all that are right are in force, as with
    /// [`init`](Self::init).
    pub fn reload(&self) -> Result<Report, ConfigErrors> {
        let reloads = self.reloads.lock();
        let path = self.inner.lock().path().map(Path::to_owned);
        let file = path.map(FileSettings::load).transpose().map_err(ConfigErrors::new)?;
        // Both are read before the directory is locked, since reading a file can take long.
        let environment = Environment::of_process();
        let found = self.inner.lock().reload(file, environment);
        drop(reloads);
        self.tell_found(found)
    }

    /// Reads the process's environment and checks the whole configuration. To be called at the start of `main`: after a
    /// `.env` file was read, and after the tracing subscriber was set, since older spellings and the like are logged.
    ///
    /// The report has what is odd, but no error: variables, tables and names that no breaker has, and log lines that are filtered out. See
    /// [`Report::warnings`]; [`Strict::strict`](crate::Strict::strict) makes errors of them:
    ///
    /// ```
    /// use breaker_core::{Registry, Strict};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// Registry::global().init()?; // or:
    /// Registry::global().init().strict()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Without this call the environment is read when the first breaker is made, and what is wrong is logged once.
    ///
    /// # Errors
    /// Every problem at once: values that cannot be read or are out of their range, unknown keys, keys that are set
    /// twice, call sites that contradict each other. Everything that is right is in force all the same. The warnings are in
    /// [`ConfigErrors::report`].
    pub fn init(&self) -> Result<Report, ConfigErrors> {
        self.take_environment(Environment::of_process(), true)
    }

    /// The same with the given variables in place of the process's.
    ///
    /// # Errors
    /// As [`init`](Self::init).
    pub fn init_from<K, V>(&self, variables: impl IntoIterator<Item = (K, V)>) -> Result<Report, ConfigErrors>
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        // The variables may come from code that uses this registry, so they are read before it is locked.
        self.take_environment(Environment::new(variables), false)
    }

    fn take_environment(&self, environment: Environment, of_process: bool) -> Result<Report, ConfigErrors> {
        let found = self.inner.lock().init(environment, of_process);
        self.tell_found(found)
    }

    /// Tells and logs what waits for that, and gives what was found. With no lock held.
    fn tell_found(&self, found: Found) -> Result<Report, ConfigErrors> {
        self.tell();
        #[cfg(feature = "tracing")]
        let logs = crate::breaker::log::filtered_out();
        #[cfg(not(feature = "tracing"))]
        let logs = None;
        ConfigErrors::check(found.problems, Report::new(found.warnings.into_iter().chain(logs).collect()))
    }

    /// Gives an annotated function its breaker, and what calls read of what is said of the function alone.
    pub(crate) fn declare(&self, declaration: &Declaration) -> (CircuitBreaker, Arc<Terms>) {
        let (name, declared, function) = declaration.read();
        let mut inner = self.inner.lock();
        let breaker = inner.declare(&name, declared.clone(), self.forever);
        let terms = inner.add_function(&name, &declared, function);
        (breaker, terms)
    }

    /// Makes the breakers of all annotated functions known.
    fn adopt(&self) {
        #[cfg(feature = "register")]
        for declaration in gathered() {
            self.declare(declaration);
        }
    }

    /// Tells and logs what waits for that, with no lock held.
    pub(crate) fn tell(&self) {
        tell(&self.inner);
    }
}

/// Tells and logs what waits for that, with no lock held.
pub(crate) fn tell(directory: &Mutex<Directory>) {
    let Waiting { told, made, problems, notices } = std::mem::take(&mut directory.lock().waiting);
    #[cfg(feature = "tracing")]
    {
        for notice in problems.iter().chain(&notices) {
            crate::breaker::log::notice(notice);
        }
        for breaker in &made {
            crate::breaker::log::made(breaker);
        }
    }
    drop((made, problems, notices));
    tell_all(told);
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
