//! Makes the settings of a breaker from one table of keys.
//!
//! From it come the partial `Config` with its setters, the resolved `Settings`, the ranges, the
//! reading from text and the merging of layers.

/// The table. A row has the key, the argument type of the setter and the stored type with the
/// conversion. Then come the default, and the range as a `const` condition with its text. The
/// comments come from `docs/settings.toml`, and `tests/tests/documents.rs` writes them.
macro_rules! keys {
    ($(
        $(#[$doc:meta])*
        $key:ident($argument:ty => $wrap:expr): $type:ty = $default:expr,
        |$value:ident| $valid:expr, $expected:literal;
    )*) => {
        /// Settings of a breaker. Each may be unset. An unset key takes its value from the layer
        /// below, or at last from the defaults. Every setter is `const`, so that several functions
        /// can share a constant `Config`.
        ///
        /// A value out of its range is reported where the `Config` is used. In an attribute the
        /// compiler reports it, and elsewhere a [`ConfigError`] does.
        ///
        /// ```
        /// use breaker_core::Config;
        /// use std::time::Duration;
        ///
        /// const SLOW_API: Config = Config::new().fail_max(3).recovery_timeout(Duration::from_secs(60));
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        #[must_use = "a Config does nothing until a breaker is made or configured with it"]
        pub struct Config {
            $(pub(crate) $key: Option<$type>,)*
            pub(crate) env_prefix: Option<&'static str>,
        }

        impl Config {
            /// Settings with every key unset.
            pub const fn new() -> Self {
                Self { $($key: None,)* env_prefix: None }
            }

            $($(#[$doc])*
            pub const fn $key(mut self, $key: $argument) -> Self {
                self.$key = Some($wrap($key));
                self
            })*

            /// Ends the compilation of a constant that has a value out of its range.
            ///
            /// # Panics
            /// In `const` evaluation, when a value is out of its range.
            pub(crate) const fn assert_valid(&self) {
                $(if let Some($value) = self.$key { assert!($valid, concat!("`", stringify!($key), "` must be ", $expected)); })*
                self.assert_consistent();
            }

            /// Each value that is out of its range or contradicts another one. `location` is the
            /// location of the errors.
            pub(crate) fn problems(&self, location: &str) -> Vec<ConfigError> {
                let mut problems = Vec::new();
                let mut report = |key, value: &str, expected| problems.push(ConfigError::value(location, key, value, expected));
                $(if let Some(bad) = self.$key.filter(|&$value| !$valid) { report(stringify!($key), &bad.show(), $expected); })*
                for wrong in self.contradictions() {
                    report(wrong.key, &self.shown(wrong.key), wrong.expected);
                }
                problems
            }

            /// The value of `key` as text, or an empty text if it is unset.
            pub(crate) fn shown(&self, key: &str) -> String {
                $(if key == stringify!($key) { return self.$key.map_or_else(String::new, |value| value.show()); })*
                String::new()
            }

            /// Unsets `key`, so that the layer below decides.
            pub(crate) fn unset(&mut self, key: &str) {
                $(if key == stringify!($key) { self.$key = None; })*
            }

            /// Reads one key from text. `None`: there is no such key. `Some(Err(expected))`: the
            /// text is not a valid value.
            pub(crate) fn read(&mut self, key: &str, text: &str) -> Option<Result<(), &'static str>> {
                $(if key == stringify!($key) {
                    return Some(match <$type as Value>::read(text) {
                        Some($value) if $valid => { self.$key = Some($value); Ok(()) }
                        _ => Err($expected),
                    });
                })*
                None
            }

            /// Takes over the keys that only `other` sets. Where both set a key to different
            /// values, this value remains. The result lists each such key with both values.
            pub(crate) fn merge(&mut self, other: &Self) -> Vec<(&'static str, String, String)> {
                let mut conflicts = Vec::new();
                $(match (self.$key, other.$key) {
                    (None, theirs) => self.$key = theirs,
                    (Some(mine), Some(theirs)) if mine != theirs => {
                        conflicts.push((stringify!($key), mine.show(), theirs.show()));
                    }
                    _ => {}
                })*
                match (self.env_prefix, other.env_prefix) {
                    (None, theirs) => self.env_prefix = theirs,
                    (Some(mine), Some(theirs)) if mine != theirs => {
                        conflicts.push(("env_prefix", format!("{mine:?}"), format!("{theirs:?}")));
                    }
                    _ => {}
                }
                conflicts
            }

            /// Sets the keys that `upper` sets to its values.
            pub(crate) fn overlay(&mut self, upper: &Self) {
                let lower = std::mem::replace(self, *upper);
                let _ = self.merge(&lower);
            }

            /// Whether `key` is set.
            pub(crate) fn sets(&self, key: &str) -> bool {
                KEYS.iter().zip(self.set()).any(|(known, set)| *known == key && set)
            }

            /// Which keys are set, in the order of [`KEYS`].
            pub(crate) const fn set(&self) -> [bool; KEYS.len()] {
                [$(self.$key.is_some(),)*]
            }
        }

        /// Every key of a breaker with its value in force.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct Settings {
            $($(#[$doc])* pub $key: $type,)*
            pub(crate) limits: Limits,
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($key: $default,)* limits: Limits::default() }
            }
        }

        impl Settings {
            /// The defaults below `config`, with the values that follow from other keys.
            pub(crate) fn resolve(config: &Config, limits: Limits) -> Self {
                let mut settings = Self { limits, ..Self::default() };
                $(if let Some(value) = config.$key { settings.$key = value; })*
                settings.probe_timeout = Some(settings.probe_lease());
                settings.probe_count = Some(settings.probes());
                settings
            }

            /// Each key with its value, as the JSON of a snapshot shows it.
            #[cfg(feature = "serde")]
            pub(crate) fn entries(&self) -> Vec<(&'static str, Json)> {
                vec![$((stringify!($key), self.$key.json()),)*]
            }
        }

        impl Settings {
            /// Each key with its value as text, as [`Config::with_str`] reads it.
            #[must_use]
            pub fn to_strings(&self) -> Vec<(&'static str, String)> {
                vec![$((stringify!($key), self.$key.show()),)*]
            }
        }

        impl std::fmt::Display for Settings {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                // The functions show the values that are their own.
                let own = |(key, value): &(&str, String)| match *key {
                    "retry" => self.retry,
                    _ => value == "own",
                };
                let shown = self.to_strings().into_iter().filter(|text| !own(text));
                for (index, (key, value)) in shown.enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{key} {value}")?;
                }
                Ok(())
            }
        }

        /// The keys, as an attribute or a file writes them.
        pub(crate) const KEYS: &[&str] = &[$(stringify!($key),)*];
    };
}

pub(crate) use keys;
