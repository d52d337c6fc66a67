//! Holds what an annotated function, or code with a `Config`, declares about its breaker.

use crate::config::keys::Config;
use std::panic::Location;
use std::time::Duration;

/// The owner of a default name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The function of this callsite.
    Function(usize),
    /// An annotated impl block: its type with type arguments, its trait, and the location of its
    /// attribute. The location distinguishes blocks without a trait. The type and the trait
    /// distinguish blocks that one macro of the user has made.
    Block(String, &'static Location<'static>),
}

/// What a callsite declares about its function alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// The address of the callsite.
    pub(crate) callsite: usize,
    /// The `timeout` of its attribute, or of the `Config` that it shares. `Some(None)`: `off`.
    pub(crate) timeout: Option<Option<Duration>>,
    pub(crate) has_key: bool,
}

/// The declaration of a callsite, or of code with a `Config`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Declared {
    pub(crate) location: String,
    pub(crate) config: Config,
    /// Whether a time limit can end its calls.
    pub(crate) can_time_out: bool,
    /// The owner of the name, if the name is a default one.
    pub(crate) by_default: Option<Origin>,
}

impl Declared {
    /// The annotated function. Its location has the form `file:line (function)`.
    pub(crate) fn function(&self) -> Option<&str> {
        Some(self.location.strip_suffix(')')?.rsplit_once(" (")?.1)
    }
}

/// The declaration of an annotated function, as its attribute writes it. It is part of a `static`.
#[derive(Debug)]
pub struct Declaration {
    /// Empty: the function gives the name. `::module::Type`: the annotated block of that type gives
    /// it.
    name: &'static str,
    /// The path of a type in the function's body, which begins with the function's own path.
    within: fn() -> &'static str,
    location: &'static Location<'static>,
    /// Whether a time limit can end a call: not that of a synchronous function.
    can_time_out: bool,
    /// Whether it has a breaker for each key.
    has_key: bool,
    /// Its settings as the attribute writes them: `"fail_max=5; timeout=2s"`. A text costs rustc
    /// the least time.
    written: &'static str,
    /// The settings in place of the text, where a value is an expression.
    typed: Option<&'static Config>,
}

/// The name of the `static` in the path of a type inside it.
const STATIC: &str = "::__BREAKER_SITE";

/// The beginning of the name that an annotated block gives its methods, where the code gives none.
const OF_BLOCK: &str = "::";

impl Declaration {
    pub(crate) const fn new(
        name: &'static str,
        within: fn() -> &'static str,
        location: &'static Location<'static>,
        (can_time_out, has_key): (bool, bool),
        (written, typed): (&'static str, Option<&'static Config>),
    ) -> Self {
        Self { name, within, location, can_time_out, has_key, written, typed }
    }

    /// The name of its breaker, the declaration of that breaker, and the declaration of the
    /// function alone.
    pub(crate) fn read(&self) -> (String, Declared, Function) {
        let function = self.function();
        let location = format!("{}:{} ({function})", self.location.file(), self.location.line());
        let can_time_out = self.can_time_out && cfg!(feature = "tokio");
        let (name, by_default) = self.named(&function);
        let mut config = self.config();
        // A time limit belongs to the function, and not to all functions that share its breaker.
        let timeout = config.timeout.take();
        let own = Function { callsite: std::ptr::from_ref(self).addr(), timeout, has_key: self.has_key };
        (name.to_owned(), Declared { location, config, can_time_out, by_default }, own)
    }

    /// The breaker's name, and the origin of the name if the code gives none.
    fn named<'a>(&self, function: &'a str) -> (&'a str, Option<Origin>) {
        if self.name.is_empty() {
            return (function, Some(Origin::Function(std::ptr::from_ref(self).addr())));
        }
        match self.name.strip_prefix(OF_BLOCK).filter(|name| is_type_of(name, function)) {
            Some(name) => (name, Some(Origin::Block(block(self.path()).to_owned(), self.location))),
            None => (self.name, None),
        }
    }

    fn config(&self) -> Config {
        self.typed.copied().unwrap_or_else(|| Config::written(self.written))
    }

    /// `module::Type::function`.
    pub(crate) fn function(&self) -> String {
        plain(self.path())
    }

    /// The path that rustc gives to the function.
    fn path(&self) -> &'static str {
        let path = (self.within)();
        path.split(STATIC).next().unwrap_or(path)
    }
}

/// Whether a name ends with the type of this method.
fn is_type_of(name: &str, function: &str) -> bool {
    let of_method = function.rsplit_once("::").map(|(of, _)| of.rsplit("::").next());
    name.rsplit_once("::").is_some_and(|(_, of_name)| of_method == Some(Some(of_name)))
}

/// The type of a method in the path that rustc gives to the method. It has the type arguments, and
/// the trait where there is one.
fn block(path: &str) -> &str {
    let path = path.trim_end_matches("::{{closure}}");
    let qualified = path.strip_prefix('<').or_else(|| path.split_once("<impl ").map(|(_, inner)| inner));
    match qualified.and_then(|inner| inner.rsplit_once(">::")) {
        Some((inner, _)) => inner,
        None => path.rsplit_once("::").map_or(path, |(of, _)| of),
    }
}

/// Reduces the path that rustc gives to a function to `module::Type::function`. That path contains
/// closures, type arguments, and the trait of a trait's method.
/// `<app::Memory<T> as app::Store>::get::{{closure}}` becomes `app::Memory::get`.
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

/// A function that the linker has collected.
#[cfg(feature = "register")]
#[derive(Debug)]
pub struct Registered(pub &'static Declaration);

#[cfg(feature = "register")]
inventory::collect!(Registered);

/// The functions that the linker has collected, in the order of the source text. The linker itself
/// has no order.
#[cfg(feature = "register")]
pub(crate) fn collected() -> Vec<&'static Declaration> {
    let mut all: Vec<_> = inventory::iter::<Registered>.into_iter().map(|one| one.0).collect();
    all.sort_by_cached_key(|one| (one.location.file(), one.location.line(), one.function()));
    all
}

#[cfg(test)]
mod tests {
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
