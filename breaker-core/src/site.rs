//! Site: one annotated function, and its way to its breaker.

use crate::breaker::CircuitBreaker;
use crate::config::Config;
use crate::directory::Declared;
use crate::error::CircuitBreakerError;
use crate::permit::Permit;
use crate::registry::Registry;
use crate::state::State;
use crate::sync::OnceLock;

/// What an annotated function knows of itself; a `static` in its body.
#[derive(Debug)]
pub struct Site {
    name: Name,
    function: &'static str,
    file: &'static str,
    line: u32,
    /// Whether a time limit can end a call: not that of a synchronous function.
    can_be_cut: bool,
    config: Config,
    link: OnceLock<Link>,
}

/// A site that has found its breaker.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) breaker: CircuitBreaker,
    pub(crate) function: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Name {
    Given(&'static str),
    /// The path of an item in the function's body, which begins with the function's own path.
    Within(fn() -> &'static str),
}

/// The name of the `static` in the path of such an item.
const STATIC: &str = "::__BREAKER_SITE";

impl Site {
    /// A site whose attribute gives a name.
    ///
    /// # Panics
    /// In `const` evaluation, when a value of `config` is out of its range or the name is empty.
    #[must_use]
    pub const fn named(
        name: &'static str,
        function: &'static str,
        (file, line): (&'static str, u32),
        can_be_cut: bool,
        config: Config,
    ) -> Self {
        assert!(!name.is_empty(), "`name` must not be empty");
        config.assert_valid();
        Self { name: Name::Given(name), function, file, line, can_be_cut, config, link: OnceLock::new() }
    }

    /// A site that is named after its function.
    ///
    /// # Panics
    /// In `const` evaluation, when a value of `config` is out of its range.
    #[must_use]
    pub const fn unnamed(
        within: fn() -> &'static str,
        function: &'static str,
        (file, line): (&'static str, u32),
        can_be_cut: bool,
        config: Config,
    ) -> Self {
        config.assert_valid();
        Self { name: Name::Within(within), function, file, line, can_be_cut, config, link: OnceLock::new() }
    }

    /// Asks the breaker for one call of the function.
    ///
    /// # Errors
    /// When the breaker rejects it.
    #[inline]
    pub fn enter(&'static self) -> Result<Permit, CircuitBreakerError> {
        #[cfg(feature = "test-util")]
        if let Some(link) = crate::isolation::link(self) {
            return link.breaker.admit(Some(link));
        }
        let link = match self.link.get() {
            Some(link) => link,
            None => self.join(),
        };
        link.breaker.admit(Some(link))
    }

    /// Asks the breaker that stands for `key` for one call. While the one without a key is in a state that was set by hand, or
    /// its settings disable it, that one answers for all.
    ///
    /// # Errors
    /// When the breaker rejects it.
    pub fn enter_key(&'static self, key: &str) -> Result<Permit, CircuitBreakerError> {
        let link = self.found();
        match link.breaker.state() {
            State::ForcedOpen | State::Disabled | State::Shadow => link.breaker.admit(Some(link)),
            _ => link.breaker.member(key, link.function).admit(None),
        }
    }

    fn found(&'static self) -> &'static Link {
        #[cfg(feature = "test-util")]
        if let Some(link) = crate::isolation::link(self) {
            return link;
        }
        self.link.get().unwrap_or_else(|| self.join())
    }

    #[cold]
    fn join(&'static self) -> &'static Link {
        let link = self.link.get_or_init(|| self.link(Registry::global()));
        Registry::global().log();
        link
    }

    /// The way to the breaker in `registry`.
    pub(crate) fn link(&self, registry: &Registry) -> Link {
        Link { breaker: self.declare(registry), function: self.function }
    }

    fn declare(&self, registry: &Registry) -> CircuitBreaker {
        let place = format!("{}:{} ({})", self.file, self.line, self.function);
        let can_be_cut = self.can_be_cut && cfg!(feature = "tokio");
        registry.declare(&self.name(), Declared { place, config: self.config, can_be_cut })
    }

    fn name(&self) -> String {
        match self.name {
            Name::Given(name) => name.to_owned(),
            Name::Within(path) => {
                let path = path();
                let function = path.split(STATIC).next().unwrap_or(path);
                function.replace("::{{closure}}", "")
            }
        }
    }
}

/// A site that the linker has gathered.
#[cfg(feature = "register")]
#[derive(Debug)]
pub struct Registered(pub &'static Site);

#[cfg(feature = "register")]
inventory::collect!(Registered);

/// Makes the breakers of all sites known, in the order of the source text: the linker's order is nobody's.
pub(crate) fn adopt(registry: &Registry) {
    #[cfg(feature = "register")]
    {
        let mut sites: Vec<_> = inventory::iter::<Registered>.into_iter().map(|one| one.0).collect();
        sites.sort_by_key(|site| (site.file, site.line));
        for site in sites {
            site.declare(registry);
        }
    }
    #[cfg(not(feature = "register"))]
    let _ = registry;
}
