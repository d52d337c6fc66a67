//! Settings from a TOML file (feature `toml`). `[defaults]` lies below what code says, `[all]`
//! above it; both are for every breaker. `[breakers.NAME]` lies above them for one, and
//! `[functions."module::Type::function"]` above that for one function. A file with a problem is
//! refused as a whole.

#[cfg(feature = "toml")]
mod reader;

use crate::config::error::{ConfigError, ConfigErrorKind};
use crate::config::keys::Config;
use crate::config::layers::Layer;
use std::collections::BTreeMap;
use std::path::Path;

/// What `Registry::load_file` takes: every path, with the feature `toml`, and nothing without it.
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

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct FileSettings {
    /// Under what code says of each breaker.
    pub(crate) defaults: Layer,
    /// Above it.
    pub(crate) all: Layer,
    pub(crate) breakers: BTreeMap<String, Layer>,
    /// What it says of single functions, by `module::Type::function`.
    pub(crate) functions: BTreeMap<String, Layer>,
    pub(crate) path: String,
    /// There is a table in it, be it an empty one.
    pub(crate) has_tables: bool,
}

impl FileSettings {
    fn sets_a_key(&self) -> bool {
        let named = self.breakers.values().chain(self.functions.values());
        let mut layers = [&self.defaults, &self.all].into_iter().chain(named);
        layers.any(|layer| layer.config != Config::new())
    }

    /// Whether it may leave a breaker no rule on failures.
    pub(crate) fn switches_rules_off(&self) -> bool {
        let mut layers = [&self.defaults, &self.all].into_iter().chain(self.breakers.values());
        layers.any(|layer| !layer.config.clone().keep_rules_on_failures().is_empty())
    }

    /// Whether this may take the place of what an earlier reading said. A file without any table
    /// most likely is one that another process has just emptied to write it anew.
    pub(crate) fn follows(&self, earlier: &Self) -> Result<(), ConfigError> {
        if self.has_tables || !earlier.sets_a_key() {
            return Ok(());
        }
        let message = "is empty, and the settings that were read before stay; is another process writing it? A file is written \
                       beside and renamed. One that shall say nothing has an empty table: `[all]`";
        Err(ConfigError::new(ConfigErrorKind::File, &self.path, message))
    }

    /// Reads the file, or says everything that is wrong with it.
    pub(crate) fn load(path: impl AsRef<Path>) -> Result<Self, Vec<ConfigError>> {
        let shown = path.as_ref().display().to_string();
        #[cfg(feature = "toml")]
        let failed = match std::fs::read_to_string(path) {
            Ok(text) => return reader::read(&text, &shown),
            Err(error) => format!("cannot be read: {error}"),
        };
        // Nobody comes here: without the feature nothing is a `TomlFile`.
        #[cfg(not(feature = "toml"))]
        let failed = "is not read without the feature `toml` of breaker-core";
        Err(vec![ConfigError::new(ConfigErrorKind::File, shown, failed)])
    }
}
