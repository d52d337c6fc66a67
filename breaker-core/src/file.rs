//! File: settings from TOML. `[default]` holds for every breaker, `[breakers.NAME]` for one. A file with a problem is
//! refused whole. It is read with the feature `toml` only.

#[cfg(feature = "toml")]
mod reader;

use crate::config_error::{ConfigError, ConfigErrorKind};
use crate::layers::Layer;
use std::collections::BTreeMap;
use std::path::Path;

/// What `Registry::load` takes: every path, with the feature `toml`, and nothing without it.
///
#[cfg_attr(feature = "toml", doc = "```no_run")]
#[cfg_attr(not(feature = "toml"), doc = "```compile_fail,E0277")]
/// breaker_core::Registry::global().load("breakers.toml").unwrap();
/// ```
#[diagnostic::on_unimplemented(
    message = "`Registry::load` needs the feature `toml` of breaker-core",
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
    pub(crate) default: Layer,
    pub(crate) breakers: BTreeMap<String, Layer>,
    pub(crate) path: String,
}

impl FileSettings {
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
