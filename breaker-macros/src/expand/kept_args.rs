//! Keeps the arguments that a fallback step needs after the body has used them.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};
use syn::Expr;

use super::context::Context;
use crate::identifiers;
use crate::item::params::{
    Kind as ParamKind, Ownership, Param, allow_local_lints, allow_used_underscore, starts_with_underscore,
};
use crate::parse::fallback::{Chain, Kind, Step};
use crate::spans::mixed;
use crate::validate::cache::caches;

const THIS: &str = "__this";

/// An owned argument that a step needs: the body has the original, and the steps get a copy. They
/// get the original of a rejected call.
///
/// rustc decides by what may happen to a local, in a panic too, whether it needs a place beside the
/// body's. So the local of a copy has the argument's name from the start, and each path to the
/// steps assigns it. That of an original is made after the gate.
pub(super) struct KeptArg {
    /// The name of the argument.
    name: Ident,
    /// The local that holds the original; for `self`, the one that holds the copy.
    place: Ident,
    cfg: TokenStream,
    /// Whether a path from the body leads to its use, so that the body leaves a copy behind.
    copies: bool,
    /// Whether a step uses it.
    in_steps: bool,
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
    /// With `on(open)` alone only a `store` needs a copy: a rejected call has used no argument. The
    /// other arguments are moved too, from the first that a step needs, so that all drop in order.
    pub(super) fn kept_args(&self, chain: &Chain) -> KeptArgs {
        let mut kept = KeptArgs { owned: Vec::new(), reborrowed: TokenStream::new(), unique_self: false };
        let mut lends = false;
        for param in &self.plan.params {
            let cfg: TokenStream = param.cfg.iter().map(quote::ToTokens::to_token_stream).collect();
            for (name, ownership) in param.names() {
                let used = keeps(chain, param, &name);
                match ownership {
                    Ownership::Owned => {
                        lends |= self.lends(chain, param, &name);
                        let place = Ident::new(&format!("__kept{}", kept.owned.len()), Span::mixed_site());
                        let stores = stores(chain, param, &name);
                        let in_steps = chain.steps.iter().any(|step| needs(step, param, &name));
                        if used || (lends && !param.is_scalar && name != "self") {
                            kept.owned.push(KeptArg { name, place, cfg: cfg.clone(), copies: used, in_steps, stores });
                        }
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

    /// Whether the steps of a rejected call use an argument that the body of an admitted one has.
    ///
    /// The future then has one place for both only if they are two locals. A key and an `open` come
    /// before the body too, and name the argument itself.
    fn lends(&self, chain: &Chain, param: &Param, name: &Ident) -> bool {
        let plan = &self.plan;
        let alone = self.is_async && self.tail().is_none() && plan.key.is_none() && plan.open.is_none();
        let in_a_step = || chain.steps.iter().any(|step| needs(step, param, name));
        alone && !chain.on.after_body() && name != "self" && !param.is_scalar && in_a_step()
    }
}

impl KeptArg {
    // Output: `let __kept0 = x; let x;`
    // or:     `let __kept0 = x;`, where the steps need no copy
    // or:     `let __kept0;`, for `self`
    pub(super) fn declare(&self) -> TokenStream {
        let KeptArg { name, place, cfg, .. } = self;
        if name == "self" {
            return quote_spanned!(Span::mixed_site()=> #cfg let #place;);
        }
        let allow = allow_local_lints();
        let used = starts_with_underscore(name).then(allow_used_underscore);
        let of_steps = self.copies.then(|| quote_spanned!(Span::mixed_site()=> #cfg #allow let #name;));
        quote_spanned!(Span::mixed_site()=> #cfg #used let #place = #name; #of_steps)
    }

    // Output: `x = __kept0;`, where the body leaves a copy behind
    // or:     `__kept0 = self;`
    pub(super) fn give(&self) -> TokenStream {
        let KeptArg { name, place, cfg, copies, .. } = self;
        if !copies {
            return TokenStream::new();
        }
        let (to, from) = if name == "self" { (place, name) } else { (name, place) };
        let allow = allow_local_lints();
        quote_spanned!(Span::mixed_site()=> #cfg #allow { #to = #from; })
    }

    // Output: let x = { let __own = __kept0; x = K::__rt::copy(&__own); __own };
    // or:     `let x = __kept0;`, where the steps need no copy
    // or:     `{ __kept0 = K::__rt::copy(&self); }`
    //
    // rustc keeps the place of a local that was borrowed until its block ends. So the copy is made
    // of a local in a block of its own.
    pub(super) fn copy(&self, context: &Context<'_>) -> TokenStream {
        let KeptArg { name, place, cfg, copies, .. } = self;
        let allow = allow_local_lints();
        if name == "self" {
            let copied = context.copied(name);
            return quote_spanned!(Span::mixed_site()=> #cfg #allow { #place = #copied; });
        }
        if !copies {
            return quote_spanned!(Span::mixed_site()=> #cfg #allow let #name = #place;);
        }
        let own = Ident::new("__own", mixed(name));
        let copied = context.copied_from(name, &own);
        quote_spanned! {Span::mixed_site()=>
            #cfg #allow
            let #name = {
                let #own = #place;
                #name = #copied;
                #own
            };
        }
    }

    // Output: `let x = __kept0;`, where the body left no copy behind
    // or:     `let __this = __kept0;`
    pub(super) fn restore(&self) -> Option<TokenStream> {
        let KeptArg { name, place, cfg, copies, .. } = self;
        let name = match () {
            () if name == "self" => this(),
            () if self.in_steps => name.clone(),
            // Only so that it drops in its order.
            () => place.clone(),
        };
        let allow = allow_local_lints();
        (name == THIS || !copies).then(|| quote_spanned!(Span::mixed_site()=> #cfg #allow let #name = #place;))
    }
}

/// The name of a `self` that the body has moved.
pub(super) fn this() -> Ident {
    Ident::new(THIS, Span::mixed_site())
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
