//! Writes the calls of the steps of a fallback.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};
use syn::{Expr, ExprClosure, ExprPath, Pat, ReturnType};

use super::context::Context;
use super::kept_args::{keeps, needs, this};
use crate::identifiers;
use crate::item::params::{Kind as ParamKind, Ownership, Param, Renamed, allow_local_lints};
use crate::parse::fallback::{Chain, Kind, Step};
use crate::spans::{generated_braces, mixed, respan};
use crate::validate::fallback::limit;
use crate::validate::values::Setting;

impl Context<'_> {
    // Output: if let K::__rt::Some(__ret) = K::__rt::Step::<Ret, _>::take(CALL).await {
    //             return K::__rt::FallbackContext::served(&__rejection, "l1_cache", __ret);
    //         }
    pub(super) fn step(&self, chain: &Chain, index: usize) -> TokenStream {
        let rt = self.rt;
        let (step, later) = (&chain.steps[index], &chain.steps[index + 1..]);
        let source = Literal::string(&step.source);
        let at_rt = self.rt.at(self.at_ret);
        let served = match &step.kind {
            Kind::Cache(cache) => return self.cache_step(chain, index, cache),
            Kind::Value(value) => {
                let at = mixed(value);
                let value_rt = self.rt.at(at);
                let value = match value {
                    Expr::Closure(closure) => self.sync_step(closure, &self.user_code(&closure.body, chain, later)),
                    value => self.user_code(value, chain, later),
                };
                // At the return type, so that rustc reports one that is no `Result` once.
                let result = respan(self.result.clone(), self.at_ret);
                let value = self.shaped(at, quote_spanned!(at=> #value_rt::value::<#result, _>(#value)));
                if later.is_empty() {
                    let served =
                        quote_spanned!(self.at_ret=> #at_rt::FallbackContext::served(&__rejection, #source, __ret));
                    let (allow, leave) = (allow_local_lints(), self.leave(self.at_ret, &served));
                    let value = if self.gives_impl() {
                        quote_spanned!(at=> #value_rt::instead(&__fallen, #value))
                    } else {
                        value
                    };
                    return quote_spanned!(self.at_ret=> #allow let __ret = #value; #leave;);
                }
                quote_spanned!(at=> #rt::Some(#value))
            }
            Kind::Path(path) => self.tried(step, mixed(path), &self.path_call(path, chain, later)),
            Kind::Closure(closure) => {
                let call = self.closure_call(closure, chain, later);
                self.tried(step, mixed(&closure.body), &call)
            }
        };
        let allow = allow_local_lints();
        let leave = quote_spanned!(self.at_ret=> #at_rt::FallbackContext::served(&__rejection, #source, __ret));
        let leave = self.leave(self.at_ret, &leave);
        // For an async closure that returns a future, which is awaited too.
        let gives_a_future = (self.is_async && matches!(&step.kind, Kind::Closure(closure) if !stays(closure)))
            .then(|| quote_spanned!(Span::mixed_site()=> #[allow(clippy::async_yields_async)]));
        quote_spanned! {Span::mixed_site()=>
            #allow #gives_a_future
            if let #rt::Some(__ret) = #served {
                #leave;
            }
        }
    }

    // Output: K::__rt::FallbackContext::timed(
    //             &__rejection, "l1_cache", LIMIT, K::__rt::Step::<Ret, _>::take(CALL),
    //         ).await
    // or:     K::__rt::step_sync::<Ret, _, _>(CALL)
    //
    // At the step. The second one is for functions that are not async.
    fn tried(&self, step: &Step, at: Span, call: &TokenStream) -> TokenStream {
        let (rt, result) = (self.rt.at(at), &self.result);
        let answer = if self.is_async {
            let (limit, source) = (self.limit_of(step), Literal::string(&step.source));
            let here = self.rt;
            let timed = quote_spanned!(Span::mixed_site()=> #here::FallbackContext::timed);
            quote_spanned!(at=> #timed(&__rejection, #source, #limit, #rt::Step::<#result, _>::take(#call)).await)
        } else {
            quote_spanned!(at=> #rt::step_sync::<#result, _, _>(#call))
        };
        self.shaped(at, answer)
    }

    // Output: `K::__rt::None`, which is the limit of the function
    // or:     `K::__rt::Some(K::__rt::Some(K::__rt::duration(1u64, 0u32)))`
    // or:     `K::__rt::Some(K::__rt::None)`, for `"off"`
    fn limit_of(&self, step: &Step) -> TokenStream {
        let own = match limit(step) {
            Some(Ok(Setting::Off)) => Some(self.maybe(None)),
            Some(Ok(setting)) => Some(self.maybe(Some(self.span_of(&setting)))),
            _ => None,
        };
        self.maybe(own)
    }

    // Output: `Self::cached(self, query, &mut *seen, K::__rt::copy(&context))`
    fn path_call(&self, path: &ExprPath, chain: &Chain, later: &[Step]) -> TokenStream {
        let arguments = self.plan.params.iter().map(|param| {
            let cfg = &param.cfg;
            let argument = self.argument(param, chain, later);
            quote_spanned!(Span::mixed_site()=> #(#cfg)* #argument)
        });
        quote_spanned!(mixed(path)=> #path(#(#arguments),*))
    }

    // Output: `query`, for a reference
    // or:     `&mut *seen`
    // or:     `K::__rt::copy(&context)`, and `context` for the last step that needs it
    fn argument(&self, param: &Param, chain: &Chain, later: &[Step]) -> TokenStream {
        let Some((name, ownership)) = param.names().into_iter().next() else {
            return TokenStream::new();
        };
        let place = self.place(chain, &name, ownership);
        match ownership {
            Ownership::Shared => place.into_token_stream(),
            Ownership::Unique => quote_spanned!(Span::mixed_site()=> &mut *#place),
            Ownership::Owned if later.iter().any(|step| needs(step, param, &name)) => self.copied(&place),
            Ownership::Owned => place.into_token_stream(),
        }
    }

    fn keeps_self(&self, chain: &Chain) -> bool {
        let is_owned_self =
            |param: &&Param| param.ownership == Ownership::Owned && matches!(param.kind, ParamKind::Receiver(_));
        let receiver = self.plan.params.first().filter(is_owned_self);
        receiver.is_some_and(|param| param.names().iter().any(|(name, _)| keeps(chain, param, name)))
    }

    /// The name of an argument for the steps. No local can be called `self`, so a kept one has
    /// another name.
    fn place(&self, chain: &Chain, name: &Ident, ownership: Ownership) -> Ident {
        if name == "self" && ownership == Ownership::Owned && self.keeps_self(chain) { this() } else { name.clone() }
    }

    // Input:  `|rejection| EXPR`
    // Output: `{ let rejection = &__rejection; EXPR }`
    // or:     `async { let rejection = &__rejection; EXPR }`
    // or:     `(|rejection: &K::__rt::FallbackContext<'_>| EXPR)(&__rejection)`
    //
    // The others are for an `EXPR` that may return early, in async functions and in others. The
    // borrow checker refuses a closure that returns an async block with a borrow of its argument.
    fn closure_call(&self, closure: &ExprClosure, chain: &Chain, later: &[Step]) -> TokenStream {
        let body = self.user_code(&closure.body, chain, later);
        let rejection = closure.inputs.first();
        let bind = quote_spanned!(Span::mixed_site()=> let #rejection = &__rejection;);
        if stays(closure) {
            quote_spanned!(mixed(&closure.body)=> { #bind #body })
        } else if self.is_async {
            self.async_step(closure, &bind, &body)
        } else {
            self.sync_step(closure, &body)
        }
    }

    // Output: `async { BIND BODY }`
    // or:     `{ BIND async move { BODY } }`
    fn async_step(&self, closure: &ExprClosure, bind: &TokenStream, body: &TokenStream) -> TokenStream {
        let rt = self.rt;
        let typed = match &closure.output {
            ReturnType::Default => TokenStream::new(),
            ReturnType::Type(_, ty) => quote_spanned!(Span::mixed_site()=> if false { return #rt::never::<#ty>(); }),
        };
        if closure.capture.is_some() {
            quote_spanned!(Span::mixed_site()=> { #bind async move { #typed #body } })
        } else {
            quote_spanned!(Span::mixed_site()=> async { #bind #typed #body })
        }
    }

    // Output: `(|rejection: &K::__rt::FallbackContext<'_>| EXPR)(&__rejection)`
    fn sync_step(&self, closure: &ExprClosure, body: &TokenStream) -> TokenStream {
        let rt = self.rt;
        let typed = match closure.inputs.first() {
            Some(Pat::Type(typed)) => typed.to_token_stream(),
            other => quote_spanned!(Span::mixed_site()=> #other: &#rt::FallbackContext<'_>),
        };
        let (moves, output) = (&closure.capture, &closure.output);
        quote_spanned!(mixed(&closure.inputs_begin)=> (#moves |#typed| #output { #body })(&__rejection))
    }

    // Input:  `EXPR` of a closure or of `value(..)`
    // Output: `EXPR`, or `{ PARTS EXPR }`, with `__this` in place of a kept `self`
    pub(super) fn user_code(&self, expr: &Expr, chain: &Chain, later: &[Step]) -> TokenStream {
        let parts = self.parts_of(expr, |param| self.argument(param, chain, later));
        let tokens = generated_braces(expr.to_token_stream());
        let tokens = if self.keeps_self(chain) { identifiers::replace(tokens, "self", &this()) } else { tokens };
        if parts.is_empty() { tokens } else { quote_spanned!(Span::mixed_site()=> { #parts #tokens }) }
    }

    // Output: `let (a, b) = __arg0; let _ = (&a, &b);`, for code that uses `a`
    pub(super) fn parts_of(&self, expr: &Expr, whole: impl Fn(&Param) -> TokenStream) -> TokenStream {
        let body = expr.to_token_stream();
        let mut parts = TokenStream::new();
        for param in &self.plan.params {
            let ParamKind::Renamed(renamed) = &param.kind else {
                continue;
            };
            let Renamed { plain, bindings, .. } = &**renamed;
            if bindings.iter().any(|binding| identifiers::uses_local(&body, &binding.ident)) {
                let (whole, names) = (whole(param), bindings.iter().map(|binding| &binding.ident));
                let cfg = &param.cfg;
                parts.extend(
                    quote_spanned!(Span::mixed_site()=> #(#cfg)* let #plain = #whole; #(#cfg)* let _ = (#(&#names,)*);),
                );
            }
        }
        parts
    }
}

/// True for a closure whose code can be inlined: it neither waits nor returns early.
fn stays(closure: &ExprClosure) -> bool {
    let code = &closure.body;
    let to_its_end = matches!(closure.output, ReturnType::Default) && !identifiers::may_leave(&code.to_token_stream());
    closure.asyncness.is_none() && (to_its_end || matches!(&**code, Expr::Async(_)))
}
