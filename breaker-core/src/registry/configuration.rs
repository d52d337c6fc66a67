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
    /// Sets the settings of the breaker of this name, even before it is made. They are above those
    /// of its attribute, below `[all]` of the file and the environment. They replace those of an
    /// earlier call for the same name.
    ///
    /// # Errors
    /// When a value is out of its range, or leaves the breaker without a rule on failures. Nothing
    /// is changed then.
    pub fn set_config(&self, name: &str, config: Config) -> Result<(), ConfigError> {
        let location = format!("set_config(\"{name}\")");
        if let Some(problem) = config.problems(&location).into_iter().next() {
            return Err(problem);
        }
        let problem = self.inner.lock().configure(name, config).into_iter().next();
        self.flush();
        problem.map_or(Ok(()), Err)
    }

    /// Reads settings from a TOML file, with the keys of the attribute. `[defaults]` is below the
    /// settings in code, `[all]` is above them; both apply to every breaker. `[breakers.NAME]`
    /// applies to one, and is above them. `[functions."module::Type::function"]` applies to one
    /// annotated function: its `timeout`, and the keys of its retries. The settings replace those
    /// of an earlier file. It takes any path, and needs the feature `toml`.
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
    /// The report has names in the file that no breaker has, and the other warnings of the
    /// configuration: see [`Report::warnings`].
    ///
    /// # Errors
    /// Every problem of the file at once. Nothing is changed then. It also refuses a file that
    /// switches off the last rule on failures of a known breaker. It refuses a file without any
    /// table after one that set a key: see [`reload`](Self::reload).
    #[allow(clippy::needless_pass_by_value, reason = "as `std::fs` takes paths")]
    pub fn load_file(&self, path: impl AsRef<Path> + TomlFile) -> Result<Report, ConfigErrors> {
        // The type of the path may belong to the caller, and may run any code.
        let path = path.as_ref().to_owned();
        let reloads = self.reloads.lock();
        let file = FileSettings::load(&path).map_err(ConfigErrors::new)?;
        let found = self.inner.lock().load(file, &path);
        drop(reloads);
        self.report_found(found)
    }

    /// Reads again what can change while the process runs: the file of the last
    /// [`load_file`](Self::load_file), and the process's environment. Variables from
    /// [`load_env_from`](Self::load_env_from) stay as they are. The settings of `set_config` and
    /// `reconfigure` stay. Call it from a handler of SIGHUP, or from code that watches the file.
    /// `cargo run --example reload` shows both ways a reload can end.
    ///
    /// Breakers keep their state and their listeners. They keep their counts where these still have
    /// the same meaning. A window whose size has changed starts again.
    ///
    /// Write the file beside the old one and rename it, because a reload may read a half-written
    /// file. A file without any table, after one that set a key, counts as half-written. `reload`
    /// and [`load_file`](Self::load_file) refuse it. An empty `[all]` says that nothing is set. A
    /// file that was truncated behind a table is not recognised as such.
    ///
    /// # Errors
    /// Every problem at once. If one is in the file, nothing is changed at all. Of the variables,
    /// all that are right are in force, as with [`load_env`](Self::load_env).
    pub fn reload(&self) -> Result<Report, ConfigErrors> {
        let reloads = self.reloads.lock();
        let path = self.inner.lock().path().map(Path::to_owned);
        let file = path.map(FileSettings::load).transpose().map_err(ConfigErrors::new)?;
        // Both are read before the registry is locked, because reading a file can take long.
        let environment = Environment::of_process();
        let found = self.inner.lock().reload(file, environment);
        drop(reloads);
        self.report_found(found)
    }

    /// Reads the process's environment and checks the whole configuration. Call it at the start of
    /// `main`, after a `.env` file was read. Set the tracing subscriber before, because it logs
    /// older spellings and similar findings.
    ///
    /// The report has the warnings: variables, tables and names that no breaker has, and log lines
    /// that are filtered out. See [`Report::warnings`]. [`Strict::strict`](crate::Strict::strict)
    /// turns them into errors:
    ///
    /// ```standalone_crate
    /// use breaker_core::{Registry, Strict};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// Registry::global().load_env()?; // or:
    /// Registry::global().load_env().strict()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Without this call the first breaker that is made reads the environment. Problems are then
    /// logged once.
    ///
    /// # Errors
    /// Every problem at once: values that cannot be read or are out of their range, unknown keys,
    /// keys that are set twice, and contradicting callsites. Everything that is right is still in
    /// force. The warnings are in [`ConfigErrors::report`].
    pub fn load_env(&self) -> Result<Report, ConfigErrors> {
        self.take_environment(Environment::of_process(), true)
    }

    /// The same with the given variables in place of the process's.
    ///
    /// # Errors
    /// As [`load_env`](Self::load_env).
    pub fn load_env_from<K, V>(&self, variables: impl IntoIterator<Item = (K, V)>) -> Result<Report, ConfigErrors>
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        // The variables may come from code that uses this registry, so they are read before the
        // lock is taken.
        self.take_environment(Environment::new(variables), false)
    }

    fn take_environment(&self, environment: Environment, of_process: bool) -> Result<Report, ConfigErrors> {
        let found = self.inner.lock().init(environment, of_process);
        self.report_found(found)
    }

    /// Reports and logs pending notifications, and returns the findings. The caller holds no lock.
    fn report_found(&self, found: Found) -> Result<Report, ConfigErrors> {
        self.flush();
        #[cfg(feature = "tracing")]
        let logs = crate::breaker::log::filtered_out();
        #[cfg(not(feature = "tracing"))]
        let logs = None;
        ConfigErrors::check(found.problems, Report::new(found.warnings.into_iter().chain(logs).collect()))
    }
}
