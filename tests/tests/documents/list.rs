//! Reads `docs/settings.toml`, the list of all keys.

use toml::de::{DeTable, DeValue};

const LIST: &str = include_str!("../../../docs/settings.toml");

/// A key. `docs/settings.toml` says what its texts are.
pub(crate) struct Setting {
    texts: Vec<(String, String)>,
    /// Further setters, each with its comment.
    pub(crate) setters: Vec<(String, String)>,
}

impl Setting {
    /// A text that not every key has.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.texts.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    /// A text that is there.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_else(|| panic!("docs/settings.toml: {} has no `{name}`", self.key()))
    }

    pub(crate) fn key(&self) -> &str {
        self.get("key").expect("each entry of docs/settings.toml has a `key`")
    }

    pub(crate) fn is_in(&self, group: &str) -> bool {
        self.text("group") == group
    }

    /// Whether it has a setter, a variable and a key of files.
    pub(crate) fn is_setting(&self) -> bool {
        self.get("text").is_some()
    }

    /// The value without the key, for tables and comments.
    pub(crate) fn unset(&self) -> String {
        self.get("unset").map_or_else(|| format!("`{}`", self.text("default")), str::to_owned)
    }

    /// The end of its variable.
    pub(crate) fn variable(&self) -> String {
        if self.key() == "timeout" { "CALL_TIMEOUT".to_owned() } else { self.key().to_uppercase() }
    }
}

/// All keys, in the order of the file.
pub(crate) fn list() -> Vec<Setting> {
    let table = DeTable::parse(LIST).expect("docs/settings.toml is TOML");
    let settings = table.get_ref().get("setting").and_then(|value| value.get_ref().as_array()).expect("settings");
    settings.iter().map(|setting| read(setting.get_ref().as_table().expect("a table"))).collect()
}

fn read(table: &DeTable<'_>) -> Setting {
    let setters = table.get("setters").and_then(|value| value.get_ref().as_table());
    Setting { texts: texts(table), setters: setters.map(texts).unwrap_or_default() }
}

/// The texts of a table, without its tables.
fn texts(table: &DeTable<'_>) -> Vec<(String, String)> {
    let text = |value: &DeValue<'_>| value.as_str().map(|text| text.trim().to_owned());
    table.iter().filter_map(|(name, value)| Some((name.get_ref().to_string(), text(value.get_ref())?))).collect()
}
