//! Represents the callsite of one annotated function, and finds its breaker.

use crate::breaker::caller::{Binding, Caller, Owner};
use crate::breaker::error::CircuitBreakerError;
use crate::breaker::handle::{CircuitBreaker, Handle};
use crate::breaker::keyed::keyed_breaker::InUse;
use crate::breaker::report::is_quiet;
use crate::call::permit::Permit;
use crate::config::keys::Config;
use crate::machine::packed::PackedState;
use crate::machine::state::State;
use crate::registry::Registry;
use crate::registry::declaration::Declaration;
#[cfg(feature = "test-util")]
use crate::registry::isolation;
use crate::sync::statics::OnceLock;
use std::panic::Location;

/// What an annotated function knows about itself; a `static` in its body.
#[derive(Debug)]
pub struct Callsite {
    declaration: Declaration,
    binding: OnceLock<Binding>,
}

impl Callsite {
    /// A callsite with settings that the attribute has read and checked.
    #[must_use]
    #[track_caller]
    pub const fn written(
        name: &'static str,
        within: fn() -> &'static str,
        can_time_out: bool,
        has_key: bool,
        written: &'static str,
    ) -> Self {
        let (way, settings) = ((can_time_out, has_key), (written, None));
        Self {
            declaration: Declaration::new(name, within, Location::caller(), way, settings),
            binding: OnceLock::new(),
        }
    }

    /// A callsite with settings that rustc has evaluated and
    /// [`checked`](crate::macro_support::declare::checked).
    #[must_use]
    #[track_caller]
    pub const fn typed(
        name: &'static str,
        within: fn() -> &'static str,
        can_time_out: bool,
        has_key: bool,
        typed: &'static Config,
    ) -> Self {
        let (way, settings) = ((can_time_out, has_key), ("", Some(typed)));
        Self {
            declaration: Declaration::new(name, within, Location::caller(), way, settings),
            binding: OnceLock::new(),
        }
    }

    /// What the callsite says about its breaker.
    #[must_use]
    pub const fn declaration(&'static self) -> &'static Declaration {
        &self.declaration
    }

    /// Requests the admission of one call of the function.
    ///
    /// # Errors
    /// When the breaker rejects the call.
    #[inline]
    pub fn enter(&'static self) -> Result<Permit, CircuitBreakerError> {
        let binding = self.found();
        binding.breaker.admit(Caller::Callsite(binding))
    }

    /// Requests the admission of one call from the breaker of `key`. While the breaker without a
    /// key is not closed, that breaker answers for all keys. It has been opened, disabled or put in
    /// shadow, and it needs calls of its own to close.
    ///
    /// # Errors
    /// When the breaker rejects the call.
    // Inlined, so that the permit is made where it stays.
    #[inline]
    pub fn enter_key(&'static self, key: &str) -> Result<Permit, CircuitBreakerError> {
        let mut number = 0;
        let (keyed_breaker, packed) = self.use_key(key, &mut number);
        if packed.admits() {
            return Ok(Permit::plain(Owner::of_key(keyed_breaker, number), packed));
        }
        self.enter_key_slowly(keyed_breaker, number)
    }

    /// Begins a use of the breaker of `key`, and reads its packed state. That admits no call if
    /// more is needed. Without a use, the breaker without a key answers.
    #[inline(never)]
    fn use_key(&'static self, key: &str, number: &mut u32) -> (InUse, PackedState) {
        let needs_more = PackedState::NONE.with(PackedState::ASK);
        let binding = self.found();
        let all = binding.shared.gate.packed();
        let closed = all.state() == State::Closed && !all.has(PackedState::REJECTS | PackedState::ASK);
        if !closed && binding.breaker.state_of_all() != State::Closed {
            return (InUse::NONE, needs_more);
        }
        let keyed_breaker = binding.use_key(key, number);
        let packed = keyed_breaker.hot.gate.packed();
        (keyed_breaker, if is_quiet() { packed } else { needs_more })
    }

    #[inline(never)]
    fn enter_key_slowly(&'static self, keyed_breaker: InUse, number: u32) -> Result<Permit, CircuitBreakerError> {
        let binding = self.found();
        if keyed_breaker.is_over() {
            return binding.breaker.admit(Caller::Callsite(binding));
        }
        CircuitBreaker(Handle::KeyedBreaker(keyed_breaker, number)).admit(Caller::KeyedBreakers(binding))
    }

    /// The binding of the callsite, if it has one.
    #[inline]
    pub(crate) fn known(&'static self) -> Option<&'static Binding> {
        #[cfg(feature = "test-util")]
        if let Some(binding) = self.isolated() {
            return Some(binding);
        }
        self.bound()
    }

    /// The binding in the isolated test that the caller belongs to.
    #[cfg(feature = "test-util")]
    #[inline]
    fn isolated(&'static self) -> Option<&'static Binding> {
        isolation::slot(std::ptr::from_ref(self).addr(), |registry| {
            let binding = self.binding(registry);
            registry.flush();
            binding
        })
    }

    /// The binding in the process, whatever isolations there are.
    #[inline]
    pub(crate) fn bound(&'static self) -> Option<&'static Binding> {
        self.binding.get()
    }

    /// The binding in the process, unless there is an isolation: that has a binding of its own.
    #[inline]
    pub(crate) fn known_in_process(&'static self) -> Option<&'static Binding> {
        #[cfg(feature = "test-util")]
        if isolation::runs() {
            return None;
        }
        self.bound()
    }

    #[inline]
    pub(crate) fn found(&'static self) -> &'static Binding {
        self.known().unwrap_or_else(|| self.join())
    }

    #[cold]
    fn join(&'static self) -> &'static Binding {
        // Reported before the binding is set, since a listener may call this very function.
        let binding = self.binding(Registry::global());
        Registry::global().flush();
        self.binding.get_or_init(|| binding)
    }

    /// Creates the binding to the breaker in `registry`.
    pub(crate) fn binding(&self, registry: &Registry) -> Binding {
        let (breaker, call_settings) = registry.declare_function(&self.declaration);
        Binding::new(breaker, self.declaration.function(), call_settings)
    }
}
