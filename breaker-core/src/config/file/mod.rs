//! Reads settings from a TOML file (feature `toml`).
//!
//! `[defaults]` is below the settings in code, `[all]` is above them; both apply to every breaker.
//! `[breakers.NAME]` is above these for one breaker. `[functions."module::Type::function"]` is
//! above that for one function. A file with a problem is refused as a whole.
//!
//! This file finds and reads the file, and `reader` reads its text.
//!
//! May use: the other files of `config`. To add a table, read it in `reader`, and give it a place
//! among the sources in `config::layers`.

#[cfg(feature = "toml")]
mod reader;

use crate::config::error::{ConfigError, ConfigErrorKind};
use crate::config::keys::Config;
use crate::config::layers::Layer;
use std::collections::BTreeMap;
use std::path::Path;

/// The argument of `Registry::load_file`: every path with the feature `toml`, and nothing without
/// it.
///
#[cfg_attr(feature = "toml", doc = "```no_run")]
#[cfg_attr(not(feature = "toml"), doc = "```compile_fail,E0277")]
/// breaker_core::Registry::global().load_file("breakers.toml").unwrap();
/// ```
#[diagnostic::on_unimplemented(
    message = "`Registry::load_file` needs the feature `toml` of breaker-core",
    label = "a file is not read without that feature",
    note = "in Cargo.toml: `breaker-core = {{ version = \"0.1\", features = [\"toml\"] }}`"
)]
pub trait TomlFile {}

#[cfg(feature = "toml")]
#[diagnostic::do_not_recommend]
impl<P: AsRef<Path>> TomlFile for P {}

/// The settings of a file.
#[derive(Debug, Default)]
pub(crate) struct FileSettings {
    /// Below the settings in code of each breaker.
    pub(crate) defaults: Layer,
    /// Above them.
    pub(crate) all: Layer,
    pub(crate) breakers: BTreeMap<String, Layer>,
    /// The settings of single functions, by `module::Type::function`.
    pub(crate) functions: BTreeMap<String, Layer>,
    pub(crate) path: String,
    /// Whether it has a table, even an empty one.
    pub(crate) has_tables: bool,
}

impl FileSettings {
    fn sets_a_key(&self) -> bool {
        let named = self.breakers.values().chain(self.functions.values());
        let mut layers = [&self.defaults, &self.all].into_iter().chain(named);
        layers.any(|layer| layer.config != Config::new())
    }

    /// Whether it may leave a breaker without a rule on failures.
    pub(crate) fn switches_rules_off(&self) -> bool {
        let mut layers = [&self.defaults, &self.all].into_iter().chain(self.breakers.values());
        layers.any(|layer| !layer.config.clone().keep_rules_on_failures().is_empty())
    }

    /// Checks whether this may replace the settings of an earlier file. A file without any table
    /// was most likely emptied by another process that is about to write it again.
    pub(crate) fn follows(&self, earlier: &Self) -> Result<(), ConfigError> {
        if self.has_tables || !earlier.sets_a_key() {
            return Ok(());
        }
        let message = "is empty, so the earlier settings stay in force; write the new file beside it and rename it, or write an empty table `[all]` to set nothing";
        Err(ConfigError::new(ConfigErrorKind::File, &self.path, message))
    }

    /// Reads the file, or returns everything that is wrong with it.
    pub(crate) fn load(path: impl AsRef<Path>) -> Result<Self, Vec<ConfigError>> {
        let shown = path.as_ref().display().to_string();
        #[cfg(feature = "toml")]
        let failed = match std::fs::read_to_string(path) {
            Ok(text) => return reader::read(&text, &shown),
            Err(error) => format!("cannot be read: {error}"),
        };
        // This is unreachable: without the feature nothing is a `TomlFile`.
        #[cfg(not(feature = "toml"))]
        let failed = "is not read without the feature `toml` of breaker-core";
        Err(vec![ConfigError::new(ConfigErrorKind::File, shown, failed)])
    }
}
