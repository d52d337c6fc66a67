//! The value of a setting: a duration, a number, or a text.

use std::time::Duration;

/// The value of a setting: a text as in a settings file (`"2s"`, `"off"`), or its type.
pub trait SettingValue {
    /// The text as in a settings file.
    #[doc(hidden)]
    fn to_text(self) -> String;
}

impl SettingValue for &str {
    fn to_text(self) -> String {
        self.to_owned()
    }
}

impl SettingValue for String {
    fn to_text(self) -> String {
        self
    }
}

impl SettingValue for Duration {
    fn to_text(self) -> String {
        humantime::format_duration(self).to_string()
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl SettingValue for $number {
            fn to_text(self) -> String {
                self.to_string()
            }
        }
    )*};
}

// One type of whole numbers and one of shares, so that a literal has a type.
numbers!(u32, f64);
