//! Writes the user's body as an async block or a closure that owns the arguments.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote, quote_spanned};

use super::context::Context;
use super::kept_args;
use crate::identifiers;
use crate::item::params::{Binding, Kind, Ownership, Param, allow_used_underscore, starts_with_underscore};
use crate::parse::fallback::Step;
use crate::spans::{braces, generated_braces};
use crate::validate::cache::caches;
use crate::validate::retry::Retry;

/// The most arguments for which the run-time half has a `run_sync`.
const MOST_ARGUMENTS: usize = 8;

impl Context<'_> {
    // Output: async move {
    //             if false { ORDER return K::__rt::never::<Ret>(); }
    //             let x = x;
    //             { BODY }
    //         }
    //
    // The return that never happens gives `return`, `?` and the tail the type of the signature. The
    // inner braces keep declarations of the body away from it. `moves` is false where a fallback
    // needs `&mut self` after the body.
    pub(super) fn async_body(&self, moves: bool) -> TokenStream {
        let (rt, ret, keywords) = (self.rt, &self.ret, self.keywords(moves));
        let held = if moves { self.held_args() } else { Vec::new() };
        let (order, locals) = (self.order_of_drops(&held), self.locals(moves, &held));
        let body = self.with_mixed_braces();
        let block = self.in_user_braces(quote_spanned! {Span::mixed_site()=>
            if false {
                #order
                return #rt::never::<#ret>();
            }
            #locals
            #body
        });
        quote_spanned!(Span::mixed_site()=> #keywords #block)
    }

    // Output: `let _ = &y; let _ = &x;`
    //
    // A block drops what it holds in the order of the first mentions, and captures what is
    // mentioned as a whole. So the arguments drop as in every function, the last one first. That is
    // what the body left in place, and all arguments of a rejected call.
    fn order_of_drops(&self, held: &[Ident]) -> TokenStream {
        let owned = self.plan.params.iter().rev().filter(|param| param.ownership == Ownership::Owned);
        let names: Vec<_> =
            owned.flat_map(|param| param.names().into_iter().rev().map(|(name, _)| (&param.cfg, name))).collect();
        let names = names.iter().filter(|(_, name)| name != "self");
        let in_order = self.is_one_call() && names.clone().count() > 1;
        if self.tail().is_some() || (held.is_empty() && !in_order) {
            return TokenStream::new();
        }
        let named = names.map(|(cfg, name)| {
            let allow = starts_with_underscore(name).then(allow_used_underscore);
            quote_spanned!(Span::mixed_site()=> #(#cfg)* #allow let _ = &#name;)
        });
        named.collect()
    }

    // Output: `K::__rt::run_sync2(&__permit, x, y, |mut x, y| -> Ret { BODY })`
    // or:     `K::__rt::run_sync(&__permit, move || -> Ret { let x = x; { BODY } })`, where an
    //         argument is more than a name
    fn sync_body(&self, moves: bool) -> TokenStream {
        let (rt, ret) = (self.rt, &self.ret);
        let Some(arguments) = self.plain_arguments(moves) else {
            let (keyword, block) = (self.keyword(moves), self.with_locals(moves));
            let no_arguments = quote_spanned!(self.block().span_open()=> ||);
            return quote_spanned!(Span::mixed_site()=> #rt::run_sync(&__permit, #keyword #no_arguments -> #ret #block));
        };
        let run = match arguments.len() {
            0 => Ident::new("run_sync", Span::mixed_site()),
            count => Ident::new(&format!("run_sync{count}"), Span::mixed_site()),
        };
        let values = arguments.iter().map(|Binding { ident, .. }| {
            let used = starts_with_underscore(ident).then(allow_used_underscore);
            quote!(#used #ident)
        });
        let patterns = arguments.iter().map(|Binding { ident, mutability, .. }| {
            quote_spanned!(Span::mixed_site()=> #[allow(clippy::shadow_reuse)] #mutability #ident)
        });
        let keyword = self.keyword(moves);
        let patterns = quote_spanned!(self.block().span_open()=> |#(#patterns),*|);
        let body = TokenTree::Group(self.block().clone());
        quote_spanned!(Span::mixed_site()=> #rt::#run(&__permit, #(#values,)* #keyword #patterns -> #ret #body))
    }

    // Output: `#[allow(clippy::implicit_return)]`, where generated braces are around the body
    //
    // The lint would ask for a `return` before these braces, even if the body ends in one.
    pub(super) fn allow_implicit_return(&self, moves: bool) -> Option<TokenStream> {
        let as_it_stands = !self.is_async && self.plain_arguments(moves).is_some();
        (!as_it_stands).then(|| quote_spanned!(Span::mixed_site()=> #[allow(clippy::implicit_return)]))
    }

    /// The arguments that the body owns, if they are plain names and nothing else uses them. Then
    /// they can be the arguments of the closure, and the body stays as it is.
    fn plain_arguments(&self, moves: bool) -> Option<Vec<&Binding>> {
        if !moves || self.plan.chain.is_some() || self.plan.key.is_some() {
            return None;
        }
        let other_code = self.code_beside_the_body();
        let taken = self.plan.params.iter().filter(|param| param.locals().next().is_some());
        let is_unused = |name: &&Binding| !identifiers::mentions(&other_code, &name.ident);
        let plain: Option<Vec<_>> = taken.map(|param| param.plain_name().filter(is_unused)).collect();
        plain.filter(|plain| plain.len() <= MOST_ARGUMENTS)
    }

    // Output: `move`, or nothing where the closure owns all names that the body uses
    //
    // Without it rustc would report captures at the head of the closure, in other words. With it
    // rustc proposes no clone.
    fn keyword(&self, moves: bool) -> Option<TokenStream> {
        let captures = self.plan.params.iter().any(Param::is_captured);
        (moves && captures).then(|| quote_spanned!(self.block().span_open()=> move))
    }

    // Output: `move || -> RET { let x = x; { BODY } }`, for a function that makes a future
    pub(super) fn in_closure(&self, ret: &TokenStream) -> TokenStream {
        let (keyword, block) = (self.keyword(true), self.with_locals(true));
        let no_arguments = quote_spanned!(self.block().span_open()=> ||);
        quote_spanned!(Span::mixed_site()=> #keyword #no_arguments -> #ret #block)
    }

    /// The values of the attributes that may use arguments of the function, except a `key` and
    /// fallback steps.
    fn code_beside_the_body(&self) -> TokenStream {
        let (rules, open) = (&self.plan.rules, &self.plan.open);
        let (lists, others) = (rules.code(), rules.other_code());
        let retry = self.plan.retry.iter().map(Retry::code);
        quote!(#lists #others #open #(#retry)*)
    }

    // Output: `{ let x = x; { BODY } }`
    fn with_locals(&self, moves: bool) -> TokenStream {
        let (locals, body) = (self.locals(moves, &[]), self.with_mixed_braces());
        self.in_user_braces(quote_spanned!(Span::mixed_site()=> #locals #body))
    }

    // Output: `async move`, or the keywords of the user's own block
    //
    // At the user's brace: else the borrow checker's messages do not name what the block holds.
    fn keywords(&self, moves: bool) -> TokenStream {
        let at = self.block().span_open();
        let moves = moves.then(|| quote_spanned!(at=> move));
        match self.tail() {
            Some(tail) => self.tail_keywords(tail),
            None => quote_spanned!(at=> async #moves),
        }
    }

    // Output: let x = x;
    // and:    let _ = &x;
    //
    // The second one is for what a value of the attribute uses: the body need not use it too.
    fn locals(&self, moves: bool, held: &[Ident]) -> TokenStream {
        if self.tail().is_some() {
            let renamed = self.plan.params.iter().filter(|param| matches!(param.kind, Kind::Renamed(_)));
            return renamed.map(|param| param.as_local(moves, held)).collect();
        }
        let used = self.used_by_attributes();
        let mut locals = if moves { TokenStream::new() } else { self.whole_self() };
        for param in &self.plan.params {
            locals.extend(param.as_local(moves, held));
            let cfg = &param.cfg;
            // The expansion declares a `&mut` argument again outside the body, for the steps.
            let reborrowed =
                param.names().into_iter().filter(|(name, ownership)| *ownership == Ownership::Unique && name != "self");
            let redeclared = reborrowed.map(|(name, _)| name).filter(|name| param.locals().all(|local| local != name));
            let own = param.locals().filter(|name| !held.contains(name)).cloned();
            for name in own.chain(redeclared).filter(|name| used(param, name)) {
                let allow = starts_with_underscore(&name).then(allow_used_underscore);
                locals.extend(quote_spanned!(Span::mixed_site()=> #(#cfg)* #allow let _ = &#name;));
            }
        }
        locals
    }

    /// Tells whether a value of the attributes uses an argument.
    pub(super) fn used_by_attributes(&self) -> impl Fn(&Param, &Ident) -> bool {
        let steps: Vec<&Step> = self.plan.chain.iter().flat_map(|chain| &chain.steps).collect();
        let of_caches = caches(self.plan.chain.as_ref()).map(|(_, cache)| &cache.key);
        let mut others: TokenStream =
            self.plan.key.iter().chain(of_caches).map(quote::ToTokens::to_token_stream).collect();
        others.extend(steps.iter().map(|step| step.limit.to_token_stream()));
        others.extend(self.code_beside_the_body());
        move |param, name| {
            identifiers::mentions(&others, name) || steps.iter().any(|step| kept_args::uses(step, param, name))
        }
    }

    // Output: `let _ = &mut *self;`
    //
    // So a block that borrows `self` borrows it mutably, even if the body only reads it: `&Self`
    // would need `Self: Sync`.
    fn whole_self(&self) -> TokenStream {
        let receiver = self.plan.params.first().map(Param::names).into_iter().flatten().map(|(name, _)| name);
        quote_spanned!(Span::mixed_site()=> #(let _ = &mut *#receiver;)*)
    }

    // Output: `K::__rt::Run { permit: &__permit, limit: K::__rt::None, body: BODY }.await`
    // or:     `K::__rt::run_sync(&__permit, BODY)`
    //
    // With a `#[retry]` the limit is `RETRY::within(&mut __retry, &__permit)`.
    pub(super) fn run(&self, moves: bool) -> TokenStream {
        let rt = self.rt;
        if !self.is_async {
            return self.sync_body(moves);
        }
        let body =
            if self.awaits_another() { quote_spanned!(Span::mixed_site()=> __body) } else { self.async_body(moves) };
        let limit = match &self.plan.retry {
            Some(_) => {
                let named = self.retry_type();
                quote_spanned!(Span::mixed_site()=> #named::within(&mut __retry, &__permit))
            }
            None => quote_spanned!(Span::mixed_site()=> #rt::None),
        };
        let limit = self.until_first_item(limit);
        quote_spanned!(Span::mixed_site()=> #rt::Run { permit: &__permit, limit: #limit, body: #body }.await)
    }

    /// The block in the user's braces, at which rustc reports a missing tail.
    fn in_user_braces(&self, tokens: TokenStream) -> TokenStream {
        braces(tokens, self.block().span())
    }

    fn with_mixed_braces(&self) -> TokenStream {
        generated_braces(TokenTree::Group(self.body_of_attempt()).into_token_stream())
    }
}
