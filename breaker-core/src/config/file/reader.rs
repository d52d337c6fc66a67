//! Reads the text of a file into settings.

use super::FileSettings;
use crate::config::error::{ConfigError, ConfigErrorKind};
use crate::config::excerpt;
use crate::config::keys::KEYS;
use crate::config::layers::Layer;
use crate::config::text::{self, refused};
use crate::config::types::Source;
use toml::de::{DeTable, DeValue};

/// The settings in the text of a file, or everything that is wrong with it. The path is for the
/// messages.
pub(super) fn read(text: &str, path: &str) -> Result<FileSettings, Vec<ConfigError>> {
    let table = DeTable::parse(text)
        .map_err(|error| vec![ConfigError::new(ConfigErrorKind::File, path, not_toml(text, &error))])?;
    let has_tables = !table.get_ref().is_empty();
    let settings = FileSettings { path: path.to_owned(), has_tables, ..FileSettings::default() };
    let mut reader = Reader { path, settings, problems: vec![] };
    reader.file(table.get_ref());
    if reader.problems.is_empty() { Ok(reader.settings) } else { Err(reader.problems) }
}

/// The message for a text that is not TOML. The parser's own message would repeat the whole line,
/// and perhaps a secret in it.
fn not_toml(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', ", ");
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return format!("is not TOML: {}", excerpt::name(&message));
    };
    let (line, of_line) = (before.matches('\n').count() + 1, before.rsplit('\n').next().unwrap_or_default());
    let rest = text[before.len()..].lines().next().unwrap_or_default();
    let fix =
        unquoted_name(&format!("{of_line}{rest}")).map_or_else(String::new, |table| format!("; {}", quotes(&table)));
    format!("is not TOML, at line {line}, column {}: {}{fix}", of_line.chars().count() + 1, excerpt::name(&message))
}

// Input:  `[breakers.shop::Client]`, a line that is no TOML
// Output: `breakers."shop::Client"`
fn unquoted_name(line: &str) -> Option<String> {
    let (table, name) = line.trim().strip_prefix('[')?.rsplit_once(']')?.0.split_once('.')?;
    let is_unquoted = !name.is_empty() && !name.contains(['"', '\'']);
    (matches!(table, "breakers" | "functions") && is_unquoted).then(|| quoted(table, name))
}

fn quoted(table: &str, name: &str) -> String {
    format!("{table}.\"{}\"", excerpt::name(name))
}

/// How to write the table of such a name.
fn quotes(table: &str) -> String {
    format!("a name with dots, colons or spaces is in quotes: `[{table}]`")
}

struct Reader<'f> {
    path: &'f str,
    settings: FileSettings,
    problems: Vec<ConfigError>,
}

impl Reader<'_> {
    fn file(&mut self, table: &DeTable<'_>) {
        for (name, value) in table {
            match (name.get_ref().as_ref(), value.get_ref()) {
                ("defaults", DeValue::Table(keys)) => self.settings.defaults = self.layer("defaults", keys),
                ("all", DeValue::Table(keys)) => self.settings.all = self.layer("all", keys),
                ("breakers", DeValue::Table(breakers)) => self.breakers(breakers),
                ("functions", DeValue::Table(functions)) => self.functions(functions),
                (name @ ("defaults" | "all" | "breakers" | "functions"), _) => {
                    self.problem(ConfigErrorKind::Value, name, format!("expected a table, `[{name}]`"));
                }
                ("default", _) => {
                    let message = "there is no table `default`; write `[defaults]` for settings below those in code, or `[all]` for settings above them";
                    self.problem(ConfigErrorKind::UnknownKey, "default", message.to_owned());
                }
                (name, _) => {
                    let hint = text::hint(name, ["defaults", "all", "breakers", "functions"]);
                    let message = format!("there is no table `{}`; {hint}", excerpt::name(name));
                    self.problem(ConfigErrorKind::UnknownKey, &excerpt::name(name).to_string(), message);
                }
            }
        }
    }

    fn breakers(&mut self, breakers: &DeTable<'_>) {
        for (name, value) in breakers {
            let name = name.get_ref().as_ref();
            if let Some(layer) = self.named("breakers", name, value.get_ref()) {
                self.settings.breakers.insert(name.to_owned(), layer);
            }
        }
    }

    fn functions(&mut self, functions: &DeTable<'_>) {
        for (path, value) in functions {
            let path = path.get_ref().as_ref();
            let Some(layer) = self.named("functions", path, value.get_ref()) else { continue };
            for key in layer.sources.keys().filter(|key| !text::is_of_function(key)) {
                let location = format!("functions.{}.{key}", excerpt::name(path));
                self.problem(ConfigErrorKind::UnknownKey, &location, text::no_key_of_function(key));
            }
            self.settings.functions.insert(path.to_owned(), layer);
        }
    }

    /// Reads the table of one name in `tables`.
    fn named(&mut self, tables: &str, name: &str, value: &DeValue<'_>) -> Option<Layer> {
        let location = format!("{tables}.{}", excerpt::name(name));
        if let DeValue::Table(keys) = value {
            return Some(self.layer(&location, keys));
        }
        let message = format!("expected a table, `[{location}]`, with keys and their values");
        self.problem(ConfigErrorKind::Value, &location, message);
        None
    }

    fn layer(&mut self, location: &str, keys: &DeTable<'_>) -> Layer {
        let mut layer = Layer::default();
        for (key, value) in keys {
            self.key(
                &mut layer,
                &format!("{location}.{}", excerpt::name(key.get_ref())),
                key.get_ref(),
                value.get_ref(),
            );
        }
        for wrong in layer.config.contradictions() {
            let message = format!("is `{}`, expected {}", layer.config.shown(wrong.key), wrong.expected);
            self.problem(ConfigErrorKind::Value, &format!("{location}.{}", wrong.key), message);
        }
        layer
    }

    fn key(&mut self, layer: &mut Layer, location: &str, key: &str, value: &DeValue<'_>) {
        let Some(known) = KEYS.iter().find(|known| **known == key) else {
            let fix = match (value, location.split_once('.')) {
                (DeValue::Table(keys), Some((table @ ("breakers" | "functions"), name))) => {
                    quotes(&quoted(table, &whole_name(name, keys)))
                }
                _ => text::key_hint(key),
            };
            let message = format!("there is no key `{}`; {fix}", excerpt::name(key));
            return self.problem(ConfigErrorKind::UnknownKey, location, message);
        };
        let text = match value {
            DeValue::Table(parts) if *known == "backoff" => {
                let parts = parts.iter().map(|(name, value)| format!("{}={}", name.get_ref(), text(value.get_ref())));
                parts.collect::<Vec<_>>().join(", ")
            }
            value => text(value),
        };
        if let Some(Err(expected)) = layer.config.read(known, &text) {
            self.problem(ConfigErrorKind::Value, location, refused(known, &text, expected));
        } else {
            layer.sources.insert(known, Source::File(self.path.to_owned()));
        }
    }

    fn problem(&mut self, kind: ConfigErrorKind, location: &str, message: String) {
        self.problems.push(ConfigError::new(kind, format!("{}: {location}", self.path), message));
    }
}

// Input:  `acme.invoices` and the table `eu` in it, of `[breakers.acme.invoices.eu]`
// Output: `acme.invoices.eu`
//
// Nothing but a name without quotes makes a table of tables.
fn whole_name(name: &str, keys: &DeTable<'_>) -> String {
    let is_key = |key: &str| KEYS.iter().any(|known| **known == *key);
    let inner = keys.iter().find_map(|(key, value)| match value.get_ref() {
        DeValue::Table(keys) if !is_key(key.get_ref()) => Some((key.get_ref(), keys)),
        _ => None,
    });
    inner.map_or_else(|| name.to_owned(), |(key, keys)| whole_name(&format!("{name}.{key}"), keys))
}

/// The text of a value in the format of variables.
fn text(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        other => other.type_str().to_owned(),
    }
}
