//! One annotated function, and its way to its breaker.

use crate::breaker::caller::{Caller, Holder, Link};
use crate::breaker::error::CircuitBreakerError;
use crate::breaker::report::is_quiet;
use crate::call::permit::Permit;
use crate::clock::Tick;
use crate::config::keys::Config;
use crate::machine::state::State;
use crate::registry::Registry;
use crate::registry::declaration::Declaration;
#[cfg(feature = "test-util")]
use crate::registry::isolation;
use crate::sync::statics::OnceLock;
use std::panic::Location;

/// What an annotated function knows of itself; a `static` in its body.
#[derive(Debug)]
pub struct Site {
    declaration: Declaration,
    link: OnceLock<Link>,
}

impl Site {
    /// A site with settings that the attribute has read and checked.
    #[must_use]
    #[track_caller]
    pub const fn written(
        name: &'static str,
        within: fn() -> &'static str,
        can_be_cut: bool,
        has_key: bool,
        written: &'static str,
    ) -> Self {
        let (way, settings) = ((can_be_cut, has_key), (written, None));
        Self { declaration: Declaration::new(name, within, Location::caller(), way, settings), link: OnceLock::new() }
    }

    /// A site with settings that rustc has evaluated and [`checked`](crate::macro_support::declare::checked).
    #[must_use]
    #[track_caller]
    pub const fn typed(
        name: &'static str,
        within: fn() -> &'static str,
        can_be_cut: bool,
        has_key: bool,
        typed: &'static Config,
    ) -> Self {
        let (way, settings) = ((can_be_cut, has_key), ("", Some(typed)));
        Self { declaration: Declaration::new(name, within, Location::caller(), way, settings), link: OnceLock::new() }
    }

    /// What it says of its breaker.
    #[must_use]
    pub const fn declaration(&'static self) -> &'static Declaration {
        &self.declaration
    }

    /// The site itself: the call asks at its first poll.
    // Inlined in a debug build too: each annotated function has it.
    #[inline(always)]
    #[must_use]
    pub const fn entry(&'static self) -> &'static Self {
        self
    }

    /// Asks the breaker for one call of the function.
    ///
    /// # Errors
    /// When the breaker rejects it.
    #[inline]
    pub fn enter(&'static self) -> Result<Permit, CircuitBreakerError> {
        let link = self.found();
        link.breaker.admit(Caller::Site(link))
    }

    /// Asks the breaker that stands for `key` for one call. While the one without a key is not closed, that one answers for
    /// all: somebody opened, disabled or shadowed it, and what it then needs to close are calls of its own.
    ///
    /// # Errors
    /// When the breaker rejects it.
    pub fn enter_key(&'static self, key: &str) -> Result<Permit, CircuitBreakerError> {
        let link = self.found();
        match link.breaker.state_of_all() {
            State::Closed => {
                let member = link.member(key);
                let word = member.0.gate.word();
                if word.lets_in() && is_quiet() {
                    return Ok(Permit::new(Holder::Own(member), word, 0, Tick::ZERO));
                }
                member.admit(Caller::Family(link))
            }
            _ => link.breaker.admit(Caller::Site(link)),
        }
    }

    /// Its link, if it has one.
    #[inline]
    pub(crate) fn known(&'static self) -> Option<&'static Link> {
        #[cfg(feature = "test-util")]
        if let Some(link) = self.isolated() {
            return Some(link);
        }
        self.linked()
    }

    /// Its link in the isolated test that the caller belongs to.
    #[cfg(feature = "test-util")]
    #[inline]
    fn isolated(&'static self) -> Option<&'static Link> {
        isolation::slot(std::ptr::from_ref(self).addr(), |registry| {
            let link = self.link(registry);
            registry.tell();
            link
        })
    }

    /// Its link in the process, whatever isolations there are.
    #[inline]
    pub(crate) fn linked(&'static self) -> Option<&'static Link> {
        self.link.get()
    }

    /// Its link in the process, unless there is an isolation, which has a link of its own.
    #[inline]
    pub(crate) fn known_to_all(&'static self) -> Option<&'static Link> {
        #[cfg(feature = "test-util")]
        if isolation::runs() {
            return None;
        }
        self.linked()
    }

    #[inline]
    pub(crate) fn found(&'static self) -> &'static Link {
        self.known().unwrap_or_else(|| self.join())
    }

    #[cold]
    fn join(&'static self) -> &'static Link {
        // Told before the link is made, since a listener may call this very function.
        let link = self.link(Registry::global());
        Registry::global().tell();
        self.link.get_or_init(|| link)
    }

    /// The way to the breaker in `registry`.
    pub(crate) fn link(&self, registry: &Registry) -> Link {
        let (breaker, terms) = registry.declare(&self.declaration);
        Link::new(breaker, self.declaration.function(), terms)
    }
}
