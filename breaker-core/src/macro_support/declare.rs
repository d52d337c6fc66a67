//! Declares the callsite of one function, as an expansion writes it.

use crate::config::keys::Config;

pub use super::const_checks::checked;
#[cfg(feature = "register")]
pub use inventory;

/// Without the feature `register` nothing collects callsites: one is known from its first call on.
#[cfg(not(feature = "register"))]
pub mod inventory {
    pub use crate::__breaker_submit as submit;
}

#[cfg(not(feature = "register"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __breaker_submit {
    ($($site:tt)*) => {};
}

/// Declares the callsite, lets the linker collect it, and begins a call of it.
///
/// A short macro, since the attribute writes it for each function. Of the user's code it contains
/// only values.
#[doc(hidden)]
#[macro_export]
macro_rules! __breaker_callsite {
    // The callsite itself: the call requests its admission at its first poll.
    (entry $name:tt $can_time_out:tt $kind:ident $settings:tt) => {{
        static __BREAKER_SITE: $crate::__rt::Callsite = $crate::__rt::Callsite::$kind(
            $name,
            {
                enum __Here {}
                $crate::__rt::type_name::<__Here>
            },
            $can_time_out,
            false,
            $settings,
        );
        $crate::__rt::declare::inventory::submit! { $crate::__rt::Registered(__BREAKER_SITE.declaration()) }
        &__BREAKER_SITE
    }};
    ($way:ident $name:tt $can_time_out:tt $kind:ident $settings:tt $($key:tt)*) => {{
        static __BREAKER_SITE: $crate::__rt::Callsite = $crate::__rt::Callsite::$kind(
            $name,
            {
                enum __Here {}
                $crate::__rt::type_name::<__Here>
            },
            $can_time_out,
            $crate::__rt::declare::has_key::$way,
            $settings,
        );
        $crate::__rt::declare::inventory::submit! { $crate::__rt::Registered(__BREAKER_SITE.declaration()) }
        $crate::__rt::Callsite::$way(&__BREAKER_SITE, $($key)*)
    }};
}

/// Whether a function that begins its calls in this way has a `key`.
#[allow(non_upper_case_globals, reason = "they have the names of the ways")]
pub mod has_key {
    pub const enter: bool = false;
    pub const enter_key: bool = true;
}

/// The start of the settings of a callsite that has typed settings.
pub const fn new() -> Config {
    Config::new()
}

/// A name that is a constant.
///
/// ```compile_fail,E0080
/// const NONE: &str = "";
/// #[breaker_core::circuit_breaker(name = NONE)]
/// fn f() -> Result<(), breaker_core::CircuitBreakerError> { Ok(()) }
/// ```
///
/// # Panics
/// In `const` evaluation, when it is empty.
#[must_use]
pub const fn named(name: &'static str) -> &'static str {
    assert!(!name.is_empty(), "`name` must not be empty");
    name
}
