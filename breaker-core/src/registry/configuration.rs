//! Reads the configuration of a registry: code, file and environment.

use crate::config::env::Environment;
use crate::config::error::{ConfigError, ConfigErrors};
use crate::config::file::{FileSettings, TomlFile};
use crate::config::keys::Config;
use crate::config::report::Report;
use crate::registry::Registry;
use crate::registry::inner::Found;
use std::ffi::OsString;
use std::path::Path;

impl Registry {
    /// Settings for the breaker of this name, made already or not: above those of its attribute,
    /// below `[all]` of the file and the environment. They replace what an earlier call set for it.
    ///
    /// # Errors
    /// When a value is out of its range, or leaves the breaker no rule on failures; then nothing is
    /// changed.
    pub fn set_config(&self, name: &str, config: Config) -> Result<(), ConfigError> {
        let place = format!("configure(\"{name}\")");
        if let Some(problem) = config.problems(&place).into_iter().next() {
            return Err(problem);
        }
        let problem = self.inner.lock().configure(name, config).into_iter().next();
        self.flush();
        problem.map_or(Ok(()), Err)
    }

    /// Reads settings from a TOML file, with the keys of the attribute. `[defaults]` lies under
    /// what code says of a breaker, `[all]` above it; both are for every breaker. `[breakers.NAME]`
    /// is for one, and lies above them. `[functions."module::Type::function"]` is for one annotated
    /// function: its `timeout`, and the keys of its retries. They replace those of an earlier file.
    /// It takes any path, and needs the feature `toml`.
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
    /// The report has names in the file that no breaker has, and whatever else is odd about the
    /// configuration: see [`Report::warnings`].
    ///
    /// # Errors
    /// Every problem of the file at once; then nothing is changed. Of a file that switches the last
    /// rule on failures of a known breaker off, too, and of one without any table after one that
    /// set a key: see [`reload`](Self::reload).
    #[allow(clippy::needless_pass_by_value, reason = "as `std::fs` takes paths")]
    pub fn load_file(&self, path: impl AsRef<Path> + TomlFile) -> Result<Report, ConfigErrors> {
        // The path may be a type of the caller's, and thus run any code.
        let path = path.as_ref().to_owned();
        let reloads = self.reloads.lock();
        let file = FileSettings::load(&path).map_err(ConfigErrors::new)?;
        let found = self.inner.lock().load(file, &path);
        drop(reloads);
        self.report_found(found)
    }

    /// Reads again what can change while the process runs: the file of the last
    /// [`load`](Self::load), and the process's environment (unless [`load_env_from`](Self::load_env_from)
    /// gave other variables, which stay). What was set by `configure` and `reconfigure` stays. This
    /// is the one call for a handler of SIGHUP, or for whoever watches the file;
    /// `cargo run --example reload` shows both ways a reload can end.
    ///
    /// Breakers keep their state, their listeners, and what they have counted where that still
    /// means the same: a window whose size has changed starts anew.
    ///
    /// Write the file beside the old one and rename it: a reload may come while it is half written.
    /// One without any table, after one that set a key, is taken for such and refused, also by
    /// [`load`](Self::load); an empty `[all]` says that nothing is set. A file that is cut off
    /// behind a table cannot be told from one that is meant so.
    ///
    /// # Errors
    /// Every problem at once. If one is in the file, nothing is changed at all. Of variables all
    /// that are right are in force, as with [`init`](Self::init).
    pub fn reload(&self) -> Result<Report, ConfigErrors> {
        let reloads = self.reloads.lock();
        let path = self.inner.lock().path().map(Path::to_owned);
        let file = path.map(FileSettings::load).transpose().map_err(ConfigErrors::new)?;
        // Both are read before the directory is locked, since reading a file can take long.
        let environment = Environment::of_process();
        let found = self.inner.lock().reload(file, environment);
        drop(reloads);
        self.report_found(found)
    }

    /// Reads the process's environment and checks the whole configuration. To be called at the
    /// start of `main`: after a `.env` file was read, and after the tracing subscriber was set,
    /// since older spellings and the like are logged.
    ///
    /// The report has what is odd, but no error: variables, tables and names that no breaker has,
    /// and log lines that are filtered out. See [`Report::warnings`];
    /// [`Strict::strict`](crate::Strict::strict) makes errors of them:
    ///
    /// ```
    /// use breaker_core::{Registry, Strict};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// Registry::global().load_env()?; // or:
    /// Registry::global().load_env().strict()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Without this call the environment is read when the first breaker is made, and what is wrong
    /// is logged once.
    ///
    /// # Errors
    /// Every problem at once: values that cannot be read or are out of their range, unknown keys,
    /// keys that are set twice, call sites that contradict each other. Everything that is right is
    /// in force all the same. The warnings are in [`ConfigErrors::report`].
    pub fn load_env(&self) -> Result<Report, ConfigErrors> {
        self.take_environment(Environment::of_process(), true)
    }

    /// The same with the given variables in place of the process's.
    ///
    /// # Errors
    /// As [`init`](Self::init).
    pub fn load_env_from<K, V>(&self, variables: impl IntoIterator<Item = (K, V)>) -> Result<Report, ConfigErrors>
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        // The variables may come from code that uses this registry, so they are read before it is
        // locked.
        self.take_environment(Environment::new(variables), false)
    }

    fn take_environment(&self, environment: Environment, of_process: bool) -> Result<Report, ConfigErrors> {
        let found = self.inner.lock().init(environment, of_process);
        self.report_found(found)
    }

    /// Tells and logs what waits for that, and gives what was found. With no lock held.
    fn report_found(&self, found: Found) -> Result<Report, ConfigErrors> {
        self.flush();
        #[cfg(feature = "tracing")]
        let logs = crate::breaker::log::filtered_out();
        #[cfg(not(feature = "tracing"))]
        let logs = None;
        ConfigErrors::check(found.problems, Report::new(found.warnings.into_iter().chain(logs).collect()))
    }
}
