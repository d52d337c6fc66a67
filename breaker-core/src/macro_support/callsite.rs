//! Site: one annotated function, and its way to its breaker.

use crate::breaker::error::CircuitBreakerError;
use crate::breaker::handle::{Caller, CircuitBreaker, Holder, Shared};
use crate::call::permit::Permit;
use crate::clock::Tick;
use crate::config::call_settings::Terms;
use crate::config::keys::Config;
use crate::config::layers::Layers;
use crate::config::ranked::Ranked;
use crate::machine::packed::Word;
use crate::machine::state::State;
use crate::registry::inner::Declared;
use crate::registry::registry::Registry;
use crate::sync::statics::{AtomicUsize, OnceLock};
use crate::sync::{Arc, Ordering};
use crate::telemetry::event;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

/// What an annotated function knows of itself; a `static` in its body.
#[derive(Debug)]
pub struct Site {
    /// Empty: it is named after its function. `::module::Type`: after the annotated block of that type.
    name: &'static str,
    /// The path of a type in the function's body, which begins with the function's own path.
    within: fn() -> &'static str,
    place: &'static Location<'static>,
    /// Whether a time limit can end a call: not that of a synchronous function.
    can_be_cut: bool,
    /// Whether it has a breaker for each value of a `key`.
    has_key: bool,
    /// Its settings as they are written in an attribute: `"fail_max=5; timeout=2s"`. For rustc a text is the least to look at.
    written: &'static str,
    /// What it has in place of a text, where a value is an expression.
    typed: Option<&'static Config>,
    link: OnceLock<Link>,
}

/// What has a default name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The function of this site.
    Function(usize),
    /// An annotated impl block: its type with type arguments, its trait, and the place of its attribute. The last tells blocks without a trait
    /// apart, the others those that one macro of the user's has made.
    Block(String, &'static Location<'static>),
}

/// A site that has found its breaker.
pub(crate) struct Link {
    pub(crate) breaker: CircuitBreaker,
    /// What a call looks at, without a look at how the breaker is held.
    pub(crate) shared: &'static Shared,
    /// `module::Type::function`.
    pub(crate) function: Box<str>,
    /// What is said of this function alone.
    #[cfg_attr(not(feature = "tokio"), allow(dead_code, reason = "nothing can cut a call off then"))]
    pub(crate) terms: Arc<Terms>,
    /// Its number among the functions that call the family of the breaker; 0: it has not called it.
    number: AtomicUsize,
}

/// What a site says of its function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// The address of the site.
    pub(crate) site: usize,
    /// The `timeout` of its attribute, or of the `Config` that it shares; `Some(None)`: `off`.
    pub(crate) timeout: Option<Option<Duration>>,
    pub(crate) has_key: bool,
}

impl Link {
    /// It keeps the breaker for ever, as sites do.
    pub(crate) fn new(breaker: CircuitBreaker, function: String, terms: Arc<Terms>) -> Self {
        let kept: &'static CircuitBreaker = Box::leak(Box::new(breaker.clone()));
        let shared = kept.shared().unwrap_or_else(closed_to_looks);
        Self { breaker, shared, function: function.into(), terms, number: AtomicUsize::new(0) }
    }

    /// Its number in the family of its breaker, which `add` gives it.
    #[inline]
    pub(crate) fn number(&'static self, add: impl FnOnce(&'static Self) -> usize) -> usize {
        match self.number.load(Ordering::Relaxed) {
            0 => {
                let number = add(self);
                self.number.store(number, Ordering::Relaxed);
                number
            }
            number => number,
        }
    }
}

/// What a call looks at whose breaker is one of a family, which somebody registered under its own name: its word lets nobody in, and is no
/// call's, so that each asks the breaker.
#[cold]
fn closed_to_looks() -> &'static Shared {
    static CLOSED: OnceLock<&Shared> = OnceLock::new();
    CLOSED.get_or_init(|| {
        let shared = Box::leak(Box::new(Shared::new(String::new(), Layers::default())));
        shared.gate.publish(Word::new(State::Closed, 0, Word::ASK | Word::WATCH), Tick::ZERO, Ranked::NOTHING);
        shared
    })
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("breaker", &self.breaker).field("function", &self.function).finish()
    }
}

/// The name of the `static` in the path of a type inside it.
const STATIC: &str = "::__BREAKER_SITE";

/// Begins the name that an annotated block gives its methods, where the code gives none.
const OF_BLOCK: &str = "::";

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
        Self {
            name,
            within,
            place: Location::caller(),
            can_be_cut,
            has_key,
            written,
            typed: None,
            link: OnceLock::new(),
        }
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
        let place = Location::caller();
        Self { name, within, place, can_be_cut, has_key, written: "", typed: Some(typed), link: OnceLock::new() }
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
                if word.lets_in() && event::quiet() {
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
        if let Some(link) = crate::registry::isolation::link(self) {
            return Some(link);
        }
        self.linked()
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
        if crate::registry::isolation::runs() {
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
        let (breaker, terms) = self.declare(registry);
        Link::new(breaker, self.function(), terms)
    }

    fn declare(&self, registry: &Registry) -> (CircuitBreaker, Arc<Terms>) {
        let function = self.function();
        let place = format!("{}:{} ({function})", self.place.file(), self.place.line());
        let can_be_cut = self.can_be_cut && cfg!(feature = "tokio");
        let (name, by_default) = self.named(&function);
        let mut config = self.config();
        // A time limit is the function's own, and not that of all who share its breaker.
        let timeout = config.timeout.take();
        let own = Function { site: std::ptr::from_ref(self).addr(), timeout, has_key: self.has_key };
        registry.declare_function(name, &Declared { place, config, can_be_cut, by_default }, own)
    }

    /// Its name, and what that was made of, if the code gives none.
    fn named<'a>(&self, function: &'a str) -> (&'a str, Option<Origin>) {
        if self.name.is_empty() {
            return (function, Some(Origin::Function(std::ptr::from_ref(self).addr())));
        }
        match self.name.strip_prefix(OF_BLOCK).filter(|name| is_type_of(name, function)) {
            Some(name) => (name, Some(Origin::Block(block(self.path()).to_owned(), self.place))),
            None => (self.name, None),
        }
    }

    fn config(&self) -> Config {
        self.typed.copied().unwrap_or_else(|| Config::written(self.written))
    }

    fn function(&self) -> String {
        plain(self.path())
    }

    /// The path that rustc gives to the function.
    fn path(&self) -> &'static str {
        let path = (self.within)();
        path.split(STATIC).next().unwrap_or(path)
    }
}

/// Whether a name ends as the type of this method does.
fn is_type_of(name: &str, function: &str) -> bool {
    let of_method = function.rsplit_once("::").map(|(of, _)| of.rsplit("::").next());
    name.rsplit_once("::").is_some_and(|(_, of_name)| of_method == Some(Some(of_name)))
}

/// The type of a method in the path that rustc gives to it, with type arguments, and with the trait where there is one.
fn block(path: &str) -> &str {
    let path = path.trim_end_matches("::{{closure}}");
    let qualified = path.strip_prefix('<').or_else(|| path.split_once("<impl ").map(|(_, inner)| inner));
    match qualified.and_then(|inner| inner.rsplit_once(">::")) {
        Some((inner, _)) => inner,
        None => path.rsplit_once("::").map_or(path, |(of, _)| of),
    }
}

/// `module::Type::function` of the path that rustc gives to a function, which has closures, type arguments and the trait
/// of a trait's method in it: `<app::Memory<T> as app::Store>::get::{{closure}}` is `app::Memory::get`.
fn plain(path: &str) -> String {
    let path = path.replace("::{{closure}}", "").replace("->", "");
    // `<Type as Trait>::function`, and `elsewhere::<impl Type>::function`.
    let qualified = path.strip_prefix('<').or_else(|| path.split_once("<impl ").map(|(_, inner)| inner));
    let on_type = match qualified.and_then(|inner| inner.rsplit_once(">::")) {
        Some((inner, function)) => format!("{}::{function}", inner.split(" as ").next().unwrap_or(inner)),
        None => path,
    };
    let mut depth = 0_u32;
    let mut plain = String::new();
    for c in on_type.chars() {
        match c {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain.replace("::::", "::")
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
        sites.sort_by_cached_key(|site| (site.place.file(), site.place.line(), site.function()));
        for site in sites {
            site.declare(registry);
        }
    }
    #[cfg(not(feature = "register"))]
    let _ = registry;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(breaker: CircuitBreaker) -> &'static Link {
        Box::leak(Box::new(Link::new(breaker, "function".to_owned(), Arc::default())))
    }

    /// Somebody registers a member under its own name, and an annotated function has that name.
    #[test]
    fn a_function_can_have_the_breaker_of_a_value_as_its_own() {
        let head = link(CircuitBreaker::new("hosts", Config::new().fail_max(1)).unwrap());
        let member = head.member("a");
        let own = link(member.clone());
        let call = || own.breaker.admit(Caller::Site(own));
        assert!(!own.shared.gate.word().lets_in(), "the short way is for breakers by themselves");
        call().unwrap().success();
        assert_eq!(member.snapshot().success_count, 1);
        call().unwrap().failure();
        assert_eq!(call().unwrap_err().function(), Some("function"));
        let inner = own.member("b");
        assert_eq!((inner.name(), inner.calling().map(|link| &*link.function)), ("hosts[a][b]", Some("function")));
        inner.try_acquire().unwrap().failure();
        assert_eq!(inner.state(), State::Open);
    }

    #[test]
    fn the_path_of_a_function_becomes_module_type_function() {
        for (path, plain) in [
            ("app::free::{{closure}}", "app::free"),
            ("app::Client::get", "app::Client::get"),
            ("app::Client<_, N>::get::{{closure}}::{{closure}}", "app::Client::get"),
            ("<app::Memory as app::Store>::get", "app::Memory::get"),
            ("<app::Memory<Vec<fn() -> u8>> as app::Store<T>>::get::{{closure}}", "app::Memory::get"),
            ("app::extra::<impl app::Client<T>>::get", "app::Client::get"),
        ] {
            assert_eq!(super::plain(path), plain);
        }
    }
}
