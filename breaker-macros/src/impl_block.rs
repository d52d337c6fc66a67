//! Expands `#[circuit_breaker(..)]` on an impl block.
//!
//! Its keys go to every method that returns a `..Result<..>`, and all of them share one breaker.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::Expr;

use crate::attributes;
use crate::diagnostics::{self, Errors};
use crate::expand;
use crate::item::impl_block::{self, Block, Member, Method};
use crate::parse::{self, Opt, Value};
use crate::validate::{self, Plan};

pub(crate) use crate::item::impl_block::is_block;

// Input:  impl Client {
//             async fn get(&self) -> Result<u8, E> { BODY }
//             fn len(&self) -> usize { BODY }
//         }
// Output: impl Client {
//             async fn get(&self) -> Result<u8, E> { GATE RUN SETTLE }
//             fn len(&self) -> usize { BODY }
//         }
pub(crate) fn expand(args: &TokenStream, item: &TokenStream) -> TokenStream {
    let block = match impl_block::parse(item.clone()) {
        Ok(block) => block,
        Err(error) => return diagnostics::item_and_message(item, &error),
    };
    let mut errors = Errors::default();
    let attribute = BlockAttribute::new(args, &block, &mut errors);
    let members: Vec<TokenStream> = block.members.iter().map(|member| attribute.member(member, &mut errors)).collect();
    attribute.check_methods(&block, &mut errors);
    match errors.finish() {
        Ok(()) => assemble(&block, &members),
        Err(error) => {
            let message = error.to_compile_error();
            let members: Vec<TokenStream> = block.members.iter().map(unguarded).collect();
            let plain = diagnostics::without_fallbacks(&assemble(&block, &members));
            quote!(#message #plain)
        }
    }
}

fn assemble(block: &Block, members: &[TokenStream]) -> TokenStream {
    let (written, inner) = (&block.written, &block.inner);
    let mut braces = Group::new(block.braces.delimiter(), quote!(#(#inner)* #(#members)*));
    braces.set_span(block.braces.span());
    let braces = TokenTree::Group(braces);
    quote!(#written #braces)
}

/// The member without the attributes of this crate.
fn unguarded(member: &Member) -> TokenStream {
    match member {
        Member::Method(method) => diagnostics::without_fallbacks(&method.tokens),
        Member::Other(tokens) => tokens.clone(),
    }
}

/// The keys that need a method with an error.
const OF_ERRORS: [&str; 5] = ["open", "exclude", "success", "include", "otherwise"];

/// What the attribute of the block says.
struct BlockAttribute<'a> {
    args: &'a TokenStream,
    generics: &'a syn::Generics,
    /// The keys on the block; none where the attribute has a mistake.
    keys: Vec<(&'static str, Span)>,
    type_name: String,
}

impl<'a> BlockAttribute<'a> {
    fn new(args: &'a TokenStream, block: &'a Block, errors: &mut Errors) -> Self {
        let mut own = Errors::default();
        let options = validate::distinct(parse::parse(args.clone(), &mut own), &mut own);
        let mut keys = options.iter().map(|option| (option.key.name, option.at.span())).collect();
        validate::values_of(options, &block.head.generics, &mut own);
        if let Err(mistakes) = own.finish() {
            errors.push(mistakes);
            keys = Vec::new();
        }
        BlockAttribute { args, generics: &block.head.generics, keys, type_name: block.type_name() }
    }

    /// The rules about all methods.
    fn check_methods(&self, block: &Block, errors: &mut Errors) {
        self.check_errors(block, errors);
        for attr in block.head.attrs.iter().filter(|attr| attributes::is_fallback(attr)) {
            errors.under(attr, "`#[fallback]` goes on a method, since its steps return what that method returns");
        }
        for attr in block.head.attrs.iter().filter(|attr| attributes::is_retry(attr)) {
            errors.under(attr, "`#[retry]` goes on a method, since not every call may be repeated");
        }
        let guarded: Vec<TokenStream> = block.methods().filter_map(own_keys).collect();
        if guarded.is_empty() {
            let fix = "write a bare `#[circuit_breaker]` on a method whose result type has another name";
            let message = format!(
                "there is nothing to guard: no method of this impl block has a return type named `..Result<..>`, or each of them has `skip`; {fix}"
            );
            errors.under(&block.head.self_ty, message);
        } else if let (Some(at), None, false) = (self.at("max_keys"), self.at("key"), guarded.into_iter().any(has_key))
        {
            let message = "`max_keys` limits the keys, but neither this block nor a method of it has a `key`; add one: `key = self.host`";
            errors.at(at, message);
        }
    }

    /// Refuses keys about errors where no method has one.
    fn check_errors(&self, block: &Block, errors: &mut Errors) {
        let Some((key, at)) = self.keys.iter().find(|(key, _)| OF_ERRORS.contains(key)) else { return };
        let mut guarded = block.methods().filter(|method| own_keys(method).is_some()).peekable();
        if guarded.peek().is_some() && guarded.all(|method| !has_errors(method)) {
            let message =
                format!("`{key}` is about errors, but no method of this impl block returns a `Result`; remove it");
            errors.at(*at, message);
        }
    }

    /// Where a key is written on the block.
    fn at(&self, key: &str) -> Option<Span> {
        self.keys.iter().find(|(name, _)| *name == key).map(|(_, at)| *at)
    }

    fn member(&self, member: &Member, errors: &mut Errors) -> TokenStream {
        let Member::Method(method) = member else {
            return unguarded(member);
        };
        for second in method.own.iter().skip(1) {
            errors.under(second, "`#[circuit_breaker]` is written twice; write all keys into one, or put the second breaker on a function that calls this one");
        }
        let plan = own_keys(method).and_then(|own| self.plan(own, method, errors));
        plan.map_or_else(|| method.tokens.clone(), |plan| expand::expand(&plan))
    }

    /// The plan of the method's own keys, and of those of the block that the method does not
    /// repeat.
    fn plan(&self, own: TokenStream, method: &Method, errors: &mut Errors) -> Option<Plan> {
        let mut options = validate::distinct(parse::parse(own, errors), errors);
        let has_name = options.iter().any(|option| option.key.name == "name");
        let has_key = self.at("key").is_some() || options.iter().any(|option| option.key.name == "key");
        if !has_name {
            self.no_contradiction(&options, errors);
        }
        let has_errors = has_errors(method);
        for option in self.options() {
            let key = option.key.name;
            let is_written = options.iter().any(|own| own.key.name == key);
            // Only some methods may have a `key`, and only some an error.
            let is_idle = (key == "max_keys" && !has_key) || (OF_ERRORS.contains(&key) && !has_errors);
            if is_written || is_idle || (has_name && key == "env_prefix") {
                continue;
            }
            if key == "timeout" && !method.is_async() {
                self.no_time_limit(method, errors);
                continue;
            }
            options.push(option);
        }
        let mut plan = validate::with_options(options, method.tokens.clone(), Some(self.generics), errors)?;
        plan.name = plan.name.or_else(|| Some(self.name(plan.krate.as_ref())));
        Some(plan)
    }

    /// The options of the block; none where the attribute has a mistake.
    fn options(&self) -> Vec<Opt> {
        let none = &mut Errors::default();
        if self.keys.is_empty() { Vec::new() } else { parse::parse(self.args.clone(), none) }
    }

    /// Refuses a key of the breaker that the method repeats: one breaker has one value of it.
    fn no_contradiction(&self, options: &[Opt], errors: &mut Errors) {
        const OF_THE_METHOD: [&str; 7] = ["otherwise", "classify", "stream", "key", "crate", "open", "timeout"];
        for option in options {
            let key = option.key.name;
            let of_the_breaker = !matches!(option.value, Value::Items(_)) && !OF_THE_METHOD.contains(&key);
            if of_the_breaker && self.keys.iter().any(|(written, _)| *written == key) {
                let fix = "give this method its own `name`, or write the key once";
                let message = format!("`{key}` is on the impl block too, and its methods share one breaker; {fix}");
                errors.at(option.at.span(), message);
            }
        }
    }

    fn no_time_limit(&self, method: &Method, errors: &mut Errors) {
        let name = &method.sig.ident;
        let fix = "write `#[circuit_breaker(timeout = \"off\")]` on it, or exclude it with `#[circuit_breaker(skip)]`";
        let message = format!("`timeout` of the impl block needs async methods, but `{name}` is not async; {fix}");
        errors.at(name.span(), message);
    }

    // Output: `K::__rt::concat!("::", K::__rt::module_path!(), "::", "Client")`
    //
    // The first `::` marks a name that the user did not choose.
    fn name(&self, krate: Option<&TokenStream>) -> Expr {
        let krate = krate.cloned().unwrap_or_else(|| quote!(::breaker_core));
        let ty = &self.type_name;
        let name =
            quote_spanned!(Span::mixed_site()=> #krate::__rt::concat!("::", #krate::__rt::module_path!(), "::", #ty));
        Expr::Verbatim(name)
    }
}

/// The arguments of the method's own attribute; `None` for a method that has no breaker.
fn own_keys(method: &Method) -> Option<TokenStream> {
    match method.own.first().map(attributes::arguments) {
        None => method.returns_result().then(TokenStream::new),
        Some(own) => (own.to_string() != "skip").then_some(own),
    }
}

/// True unless the written type is certainly no `Result`.
fn has_errors(method: &Method) -> bool {
    !validate::return_value::is_value(method.output().as_deref())
}

fn has_key(own: TokenStream) -> bool {
    parse::parse(own, &mut Errors::default()).iter().any(|option| option.key.name == "key")
}
