//! Keeps the arguments that a fallback step needs after the body has used them.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};
use syn::Expr;

use super::context::Context;
use crate::identifiers;
use crate::item::params::{Kind as ParamKind, Ownership, Param, allow_local_lints};
use crate::parse::fallback::{Chain, Kind, Step};
use crate::validate::cache::caches;

/// An owned argument: the steps get a copy, and the body has the original.
pub(super) struct KeptArg {
    /// The name of the argument.
    pub(super) name: Ident,
    /// The local that holds it; each path to the steps assigns it.
    pub(super) place: Ident,
    pub(super) cfg: TokenStream,
    /// Whether a `store` needs it, also after a success of the body.
    pub(super) stores: bool,
}

/// The arguments that the steps may use after the body has run.
pub(super) struct KeptArgs {
    pub(super) owned: Vec<KeptArg>,
    /// `let x = &mut *x;`, for arguments that the body only borrows.
    pub(super) reborrowed: TokenStream,
    /// True where the body may not move `&mut self`.
    pub(super) unique_self: bool,
}

impl Context<'_> {
    /// With `on(open)` alone only a `store` needs a copy: a rejected call has used no argument.
    pub(super) fn kept_args(&self, chain: &Chain) -> KeptArgs {
        let mut kept = KeptArgs { owned: Vec::new(), reborrowed: TokenStream::new(), unique_self: false };
        for param in &self.plan.params {
            let cfg: TokenStream = param.cfg.iter().map(quote::ToTokens::to_token_stream).collect();
            for (name, ownership) in param.names() {
                let used = keeps(chain, param, &name);
                match ownership {
                    Ownership::Owned if used => {
                        let place = Ident::new(&format!("__kept{}", kept.owned.len()), Span::mixed_site());
                        let stores = stores(chain, param, &name);
                        kept.owned.push(KeptArg { name, place, cfg: cfg.clone(), stores });
                    }
                    Ownership::Unique if used && name == "self" => kept.unique_self = true,
                    Ownership::Unique if used => {
                        let allow = allow_local_lints();
                        kept.reborrowed
                            .extend(quote_spanned!(Span::mixed_site()=> #cfg #allow let #name = &mut *#name;));
                    }
                    _ => {}
                }
            }
        }
        kept
    }
}

impl KeptArg {
    // Output: `__kept0 = x;`
    pub(super) fn give(&self) -> TokenStream {
        let KeptArg { name, place, cfg, .. } = self;
        let allow = allow_local_lints();
        quote_spanned!(Span::mixed_site()=> #cfg #allow { #place = #name; })
    }

    // Output: `__kept0 = K::__rt::copy(&x);`
    pub(super) fn copy(&self, context: &Context<'_>) -> TokenStream {
        let KeptArg { name, place, cfg, .. } = self;
        let (allow, copied) = (allow_local_lints(), context.copied(name));
        quote_spanned!(Span::mixed_site()=> #cfg #allow { #place = #copied; })
    }

    // Output: `let x = __kept0;`, and for `self` another name
    pub(super) fn restore(&self) -> TokenStream {
        let KeptArg { name, place, cfg, .. } = self;
        let allow = allow_local_lints();
        let name = if name == "self" { this() } else { name.clone() };
        quote_spanned!(Span::mixed_site()=> #cfg #allow let #name = #place;)
    }
}

/// The name of a `self` that the body has moved.
pub(super) fn this() -> Ident {
    Ident::new("__this", Span::mixed_site())
}

/// True for an argument that a step may need after the body has had it.
pub(super) fn keeps(chain: &Chain, param: &Param, name: &Ident) -> bool {
    let steps = || chain.steps.iter().any(|step| needs(step, param, name));
    if chain.on.after_body() { steps() } else { stores(chain, param, name) }
}

/// True for an argument that the expression of a `store` uses.
fn stores(chain: &Chain, param: &Param, name: &Ident) -> bool {
    caches(Some(chain)).any(|(_, cache)| cache.store.as_ref().is_some_and(|store| mentions(store, param, name)))
}

fn mentions(expr: &Expr, param: &Param, name: &Ident) -> bool {
    let tokens = expr.to_token_stream();
    match &param.kind {
        ParamKind::Renamed(renamed) => {
            renamed.bindings.iter().any(|binding| identifiers::uses_local(&tokens, &binding.ident))
        }
        _ => identifiers::uses_local(&tokens, name),
    }
}

/// True for a step that uses the argument: a path always, any other step if it mentions it.
pub(super) fn needs(step: &Step, param: &Param, name: &Ident) -> bool {
    match &param.kind {
        ParamKind::Renamed(renamed) => {
            matches!(step.kind, Kind::Path(_))
                || renamed.bindings.iter().any(|binding| uses(step, param, &binding.ident))
        }
        _ => uses(step, param, name),
    }
}

/// The same for one name that a pattern binds. A path takes the whole argument, and no part by
/// name.
pub(super) fn uses(step: &Step, param: &Param, name: &Ident) -> bool {
    match &step.kind {
        Kind::Path(_) => !matches!(param.kind, ParamKind::Renamed(_)),
        Kind::Closure(closure) => identifiers::uses_local(&closure.body.to_token_stream(), name),
        Kind::Value(value) => identifiers::uses_local(&value.to_token_stream(), name),
        // Its key is evaluated before the body runs.
        Kind::Cache(cache) => {
            let parts = [&cache.store, &cache.with];
            parts.into_iter().flatten().any(|part| identifiers::uses_local(&part.to_token_stream(), name))
        }
    }
}
