//! Defines settings: their keys, their sources, and which value is in force.
//!
//! How a value gets its effect:
//!
//! 1. A source (the attribute, code, [`file`](mod@file), [`env`](mod@env)) gives a
//!    [`Config`](keys::Config), which is one layer.
//! 2. [`layers`] merges the layers of a breaker. The later source wins.
//! 3. [`resolve`] adds what follows from several keys.
//! 4. The result is [`Settings`](keys::Settings). From it the machine makes its rules
//!    (`machine::trip`).
//!
//! | file | what is in it |
//! | --- | --- |
//! | `keys`, `key_table`, `setters` | the one table of keys; what is made from it: `Config`, `Settings`; setters beside the table |
//! | `types`, `ranges` | types of settings that are more than a number; the ranges of all |
//! | `value`, `duration` | text to value and back |
//! | `text`, `excerpt`, `visible` | how keys and variables are spelt, suggestions; how text from outside is shown |
//! | `validate` | keys that contradict each other |
//! | `layers`, `resolve` | sources merged; what follows from several keys |
//! | `env`, `prefixes` | where a variable is read; which breaker it belongs to |
//! | `file` | TOML |
//! | `call_settings`, `ranked` | what calls read of settings without a lock |
//! | `error`, `report` | what is wrong, and what is odd |
//! | `json` | settings as they are serialised |
//! | `tests` | tests of all keys |
//!
//! May use: `sync`, `clock`.
//!
//! To add a key:
//!
//! 1. Add its row to the table in `keys`.
//! 2. If its type is new, add it to `types`, `value` and `json`.
//! 3. Use the new field of `Settings` in its rule.
//! 4. Add the key to the attribute (`breaker-macros/src/parse`).
//! 5. Describe it in `docs/settings.toml`, which fills the comment of its setter.

pub(crate) mod call_settings;
pub(crate) mod duration;
pub(crate) mod env;
pub(crate) mod error;
pub(crate) mod excerpt;
pub(crate) mod file;
#[cfg(feature = "serde")]
pub(crate) mod json;
mod key_table;
pub(crate) mod keys;
pub(crate) mod layers;
pub(crate) mod prefixes;
mod ranges;
pub(crate) mod ranked;
pub(crate) mod report;
pub(crate) mod resolve;
mod setters;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod types;
pub(crate) mod validate;
pub(crate) mod value;
pub(crate) mod visible;
