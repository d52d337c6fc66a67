//! What a fallback step needs after the body had it: copies of owned arguments, and what the body only borrows.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};
use syn::Expr;

use super::context::Kit;
use crate::identifiers;
use crate::item::params::{Hold, Kind as ParamKind, Param, quiet};
use crate::parse::fallback::{Chain, Kind, Step};
use crate::validate::cache::caches;

/// An argument of which a copy waits for the steps while the body has the original.
pub(super) struct Kept {
    /// What the user calls it.
    pub(super) name: Ident,
    /// What holds it: assigned on each way to the steps.
    pub(super) place: Ident,
    pub(super) cfg: TokenStream,
    /// Whether a `store` needs it, also when the body has succeeded.
    pub(super) stores: bool,
}

/// What the steps may use after the body has run.
pub(super) struct Keep {
    pub(super) owned: Vec<Kept>,
    /// `let x = &mut *x;`, for what the body only borrows.
    pub(super) reborrowed: TokenStream,
    /// True where the body has to leave `&mut self` behind.
    pub(super) unique_self: bool,
}

impl Kit<'_> {
    /// A plain `on(open)` keeps nothing but what a `store` needs: a rejected call has its arguments untouched.
    pub(super) fn keep(&self, chain: &Chain) -> Keep {
        let mut keep = Keep { owned: Vec::new(), reborrowed: TokenStream::new(), unique_self: false };
        for param in &self.plan.params {
            let cfg: TokenStream = param.cfg.iter().map(quote::ToTokens::to_token_stream).collect();
            for (name, hold) in param.names() {
                let used = keeps(chain, param, &name);
                match hold {
                    Hold::Owned if used => {
                        let place = Ident::new(&format!("__kept{}", keep.owned.len()), Span::mixed_site());
                        let stores = stores(chain, param, &name);
                        keep.owned.push(Kept { name, place, cfg: cfg.clone(), stores });
                    }
                    Hold::Unique if used && name == "self" => keep.unique_self = true,
                    Hold::Unique if used => {
                        let quiet = quiet();
                        keep.reborrowed
                            .extend(quote_spanned!(Span::mixed_site()=> #cfg #quiet let #name = &mut *#name;));
                    }
                    _ => {}
                }
            }
        }
        keep
    }
}

impl Kept {
    // Output: `__kept0 = x;`
    pub(super) fn give(&self) -> TokenStream {
        let Kept { name, place, cfg, .. } = self;
        let quiet = quiet();
        quote_spanned!(Span::mixed_site()=> #cfg #quiet { #place = #name; })
    }

    // Output: `__kept0 = K::__rt::copy(&x);`
    pub(super) fn copy(&self, kit: &Kit<'_>) -> TokenStream {
        let Kept { name, place, cfg, .. } = self;
        let (quiet, copied) = (quiet(), kit.copied(name));
        quote_spanned!(Span::mixed_site()=> #cfg #quiet { #place = #copied; })
    }

    // Output: `let x = __kept0;`, and for `self` a name of its own
    pub(super) fn restore(&self) -> TokenStream {
        let Kept { name, place, cfg, .. } = self;
        let quiet = quiet();
        let name = if name == "self" { this() } else { name.clone() };
        quote_spanned!(Span::mixed_site()=> #cfg #quiet let #name = #place;)
    }
}

/// What stands for a `self` of which the body had the original.
pub(super) fn this() -> Ident {
    Ident::new("__this", Span::mixed_site())
}

/// True for an argument that a step may need after the body has had it.
pub(super) fn keeps(chain: &Chain, param: &Param, name: &Ident) -> bool {
    let steps = || chain.steps.iter().any(|step| needs(step, param, name));
    if chain.on.after_body() { steps() } else { stores(chain, param, name) }
}

/// True for an argument of which a `store` is made.
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

/// True for a step that uses the argument: a path always, anything else if it mentions it.
pub(super) fn needs(step: &Step, param: &Param, name: &Ident) -> bool {
    match &param.kind {
        ParamKind::Renamed(renamed) => {
            matches!(step.kind, Kind::Path(_))
                || renamed.bindings.iter().any(|binding| uses(step, param, &binding.ident))
        }
        _ => uses(step, param, name),
    }
}

/// The same for one name that a pattern binds: a path takes the whole, and thus none of its parts by name.
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
