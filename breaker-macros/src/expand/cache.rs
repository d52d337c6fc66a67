//! Writes the steps `cache(..)`: what precedes the gate, the look-up, and the storing of answers.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};
use syn::Expr;

use super::context::Context;
use super::kept_args::{KeptArg, KeptArgs};
use crate::item::params::{Ownership, Param};
use crate::parse::cache::Cache;
use crate::parse::fallback::{Chain, Step};
use crate::spans::{generated_braces, mixed, respan};
use crate::validate::cache::{Bounds, caches};
use crate::validate::values::Setting;

impl Context<'_> {
    pub(super) fn has_cache(&self) -> bool {
        caches(self.plan.chain.as_ref()).next().is_some()
    }

    // Input:  GUARDED, which breaks '__live with a result of the service, and else returns
    // Output: static __CACHE0: K::__rt::CacheCallsite = K::__rt::CacheCallsite::new("l1_cache");
    //         let __key0 = KEY;
    //         BEFORE
    //         let __fresh = K::__rt::Fresh::new();
    //         let __ret = '__live: { GUARDED };
    //         if let K::__rt::Some(__stored) = ANSWER { KEEP }
    //         return __ret;
    pub(super) fn storing(&self, before: &TokenStream, guarded: &TokenStream, kept: &KeptArgs) -> TokenStream {
        let Some(chain) = self.plan.chain.as_ref().filter(|_| self.has_cache()) else {
            return quote_spanned!(Span::mixed_site()=> #before #guarded);
        };
        let (rt, answer) = (self.rt, self.answer(chain));
        let prepare = caches(Some(chain)).map(|(index, cache)| self.prepare(index, &chain.steps[index], cache));
        let restore = kept.owned.iter().filter(|kept| kept.stores).filter_map(KeptArg::restore);
        let store = caches(Some(chain)).map(|(index, cache)| self.store_answer(chain, index, cache));
        let leave = self.leave(Span::mixed_site(), &quote_spanned!(Span::mixed_site()=> __ret));
        quote_spanned! {Span::mixed_site()=>
            #(#prepare)*
            #before
            let __fresh = #rt::Fresh::new();
            let __ret = '__live: { #guarded };
            if let #rt::Some(__stored) = #answer {
                #(#restore)*
                #(#store)*
            }
            #leave;
        }
    }

    // Output: `K::__rt::Fresh::answer::<Ret>(&__fresh, &__ret)`, at the first of the steps
    fn answer(&self, chain: &Chain) -> TokenStream {
        let first = caches(Some(chain)).next();
        let at = first.map_or_else(Span::mixed_site, |(_, cache)| cache.at.resolved_at(Span::mixed_site()));
        let (rt, result) = (self.rt.at(at), respan(self.result.clone(), at));
        quote_spanned!(at=> #rt::Fresh::answer::<#result>(&__fresh, &__ret))
    }

    /// What follows a result of the service.
    pub(super) fn give(&self) -> TokenStream {
        if self.has_cache() {
            quote_spanned!(Span::mixed_site()=> break '__live __ret)
        } else {
            self.leave(Span::mixed_site(), &quote_spanned!(Span::mixed_site()=> __ret))
        }
    }

    // Output: `ON`, or `(ON, &__fresh)`, which also notes an answer to store
    pub(super) fn noting(&self, on: TokenStream) -> TokenStream {
        if self.has_cache() { quote_spanned!(Span::mixed_site()=> (#on, &__fresh)) } else { on }
    }

    // Output: static __CACHE0: K::__rt::CacheCallsite = K::__rt::CacheCallsite::new("l1_cache");
    //         let __key0 = KEY;
    // or:     let __store0 = BUILT_IN;
    //         let __value = KEY;
    //         let __key0 = __store0.key(__value);
    fn prepare(&self, index: usize, step: &Step, cache: &Cache) -> TokenStream {
        let (rt, Names { site, store, key }) = (self.rt, names(index));
        let (source, value) = (Literal::string(&step.source), self.key_value(&cache.key));
        let declare = quote_spanned! {Span::mixed_site()=>
            static #site: #rt::CacheCallsite = #rt::CacheCallsite::new(#source);
        };
        if cache.store.is_some() {
            return quote_spanned!(Span::mixed_site()=> #declare let #key = #value;);
        }
        let bounds = self.plan.bounds.iter().find(|bounds| bounds.step == index);
        let (built_in, at) = (bounds.map(|bounds| self.built_in(&site, cache, bounds)), mixed(&cache.key));
        let of_store = respan(store.to_token_stream(), at);
        let findable = quote_spanned!(at=> #of_store.key(__value));
        quote_spanned! {Span::mixed_site()=>
            #declare
            let #store = #built_in;
            let __value = #value;
            let #key = #findable;
        }
    }

    // Output: K::__rt::cache_needs_the_feature_moka_of_breaker_core::new(
    //             &__CACHE0, || {}, 1000u32, TTL,
    //         )
    //
    // Without the feature this name is missing, and rustc reports that at the step.
    fn built_in(&self, site: &Ident, cache: &Cache, bounds: &Bounds) -> TokenStream {
        let at = cache.at.resolved_at(Span::mixed_site());
        let (rt, max, ttl) = (self.rt.at(at), self.max(&bounds.max), self.ttl(&bounds.ttl));
        quote_spanned!(at=> #rt::cache_needs_the_feature_moka_of_breaker_core::new(&#site, || {}, #max, #ttl))
    }

    // Output: 1000u32
    // or:     {
    //             const __BOUND: u32 = K::__rt::at_least_one(MAX, "`max` must be 1 or more");
    //             __BOUND
    //         }
    fn max(&self, max: &Setting) -> TokenStream {
        match max {
            Setting::Count(max, _) => Literal::u32_suffixed(*max).into_token_stream(),
            Setting::CountOf(expr) => {
                let ty = quote_spanned!(Span::mixed_site()=> u32);
                self.constant(&ty, "at_least_one", expr, "`max` must be 1 or more")
            }
            _ => TokenStream::new(),
        }
    }

    // Output: `K::__rt::duration(600u64, 0u32)`, or the same with `above_zero`
    fn ttl(&self, ttl: &Setting) -> TokenStream {
        let rt = self.rt;
        match ttl {
            Setting::Length(ttl) => {
                let (secs, nanos) = (ttl.as_secs(), ttl.subsec_nanos());
                quote_spanned!(Span::mixed_site()=> #rt::duration(#secs, #nanos))
            }
            Setting::LengthOf(expr) => {
                let ty = quote_spanned!(Span::mixed_site()=> #rt::Duration);
                self.constant(&ty, "above_zero", expr, "`ttl` must be more than zero")
            }
            _ => TokenStream::new(),
        }
    }

    /// A constant of its own, which rustc checks even if the function is never called.
    fn constant(&self, ty: &TokenStream, check: &str, expr: &Expr, message: &str) -> TokenStream {
        let at = mixed(expr);
        let (rt, check) = (self.rt.at(at), Ident::new(check, at));
        let value = quote_spanned!(at=> #rt::#check(#expr, #message));
        quote_spanned!(Span::mixed_site()=> { const __BOUND: #ty = #value; __BOUND })
    }

    // Input:  `(user, query.trim(), 7)`
    // Output: `{ PARTS (OWN, OWN, OWN) }`
    fn key_value(&self, key: &Expr) -> TokenStream {
        let owned = |param: &Param| match (param.names().into_iter().next(), param.ownership) {
            (Some((name, _)), Ownership::Owned) => self.copied(&name),
            (Some((name, _)), Ownership::Unique) => quote_spanned!(Span::mixed_site()=> &mut *#name),
            (Some((name, _)), Ownership::Shared) => name.into_token_stream(),
            (None, _) => TokenStream::new(),
        };
        let (parts, value) = (self.parts_of(key, owned), self.owned_key(key));
        if parts.is_empty() { value } else { quote_spanned!(Span::mixed_site()=> { #parts #value }) }
    }

    fn owned_key(&self, key: &Expr) -> TokenStream {
        match key {
            Expr::Group(group) => self.owned_key(&group.expr),
            Expr::Paren(paren) => self.owned_key(&paren.expr),
            Expr::Tuple(tuple) => {
                let parts = tuple.elems.iter().map(|part| self.owned_key(part));
                quote_spanned!(mixed(tuple)=> (#(#parts,)*))
            }
            part => self.owned_part(part),
        }
    }

    // Input:  `query` (a place, which is not moved), `name()`
    // Output: match &query {
    //             __part => {
    //                 use K::__rt::{Borrowed as _, TwiceBorrowed as _, Whole as _};
    //                 (&&&K::__rt::Part(&__part)).__breaker_way().own(__part)
    //             }
    //         }
    fn owned_part(&self, part: &Expr) -> TokenStream {
        let (rt, at) = (self.rt, mixed(part));
        let tokens = generated_braces(part.to_token_stream());
        let value = if is_place(part) { quote_spanned!(at=> &#tokens) } else { tokens };
        let own = quote_spanned!(at=> (&&&#rt::Part(&__part)).__breaker_way().own(__part));
        quote_spanned! {Span::mixed_site()=>
            match #value {
                __part => {
                    use #rt::{Borrowed as _, TwiceBorrowed as _, Whole as _};
                    #own
                }
            }
        }
    }

    // Output: K::__rt::cached::<Ret, _, _, _>(&__rejection, &__CACHE0, &__key0, &STORE).await
    //
    // At the store.
    fn cached(&self, chain: &Chain, index: usize, cache: &Cache) -> TokenStream {
        let Names { site, store, key } = names(index);
        let at = reported_at(cache);
        let (rt, result) = (self.rt.at(at), respan(self.result.clone(), at));
        let Some(expr) = &cache.store else {
            let store = respan(store.into_token_stream(), at);
            return quote_spanned!(at=> #store.cached::<#result>(&__rejection, &#key));
        };
        let store = self.store(expr, chain, index);
        if self.is_async {
            quote_spanned!(at=> #rt::cached::<#result, _, _, _>(&__rejection, &#site, &#key, #store).await)
        } else {
            quote_spanned!(at=> #rt::cached_sync::<#result, _, _>(&__rejection, &#site, &#key, #store))
        }
    }

    // Output: if let K::__rt::Some(__stored) = CACHED {
    //             return K::__rt::serve::<Ret>(&__rejection, "l1_cache", &__stored, WITH);
    //         }
    pub(super) fn cache_step(&self, chain: &Chain, index: usize, cache: &Cache) -> TokenStream {
        let (rt, cached, at) = (self.rt, self.cached(chain, index, cache), cache.at.resolved_at(Span::mixed_site()));
        let result = respan(self.result.clone(), at);
        let (at_rt, source) = (self.rt.at(at), Literal::string(&chain.steps[index].source));
        let with = match &cache.with {
            None => quote_spanned!(at=> #at_rt::as_stored),
            Some(with) => self.user_code(with, chain, &chain.steps[index + 1..]),
        };
        let serve = quote_spanned!(at=> #at_rt::serve::<#result>(&__rejection, #source, &__stored, #with));
        let leave = self.leave(Span::mixed_site(), &serve);
        quote_spanned! {Span::mixed_site()=>
            if let #rt::Some(__stored) = #cached {
                #leave;
            }
        }
    }

    // Output: K::__rt::keep(&__fresh, &__CACHE0, __key0, K::__rt::share(&__stored), &STORE).await;
    //
    // At the store.
    fn store_answer(&self, chain: &Chain, index: usize, cache: &Cache) -> TokenStream {
        let Names { site, store, key } = names(index);
        let at = reported_at(cache);
        let rt = self.rt.at(at);
        let Some(expr) = &cache.store else {
            let store = respan(store.into_token_stream(), at);
            return quote_spanned!(at=> #store.keep(&__fresh, #key, #rt::share(&__stored)););
        };
        let store = self.store(expr, chain, index);
        if self.is_async {
            quote_spanned!(at=> #rt::keep(&__fresh, &#site, #key, #rt::share(&__stored), #store).await;)
        } else {
            quote_spanned!(at=> #rt::keep_sync(&__fresh, &#site, #key, #rt::share(&__stored), #store);)
        }
    }

    // Output: `&STORE`
    fn store(&self, store: &Expr, chain: &Chain, index: usize) -> TokenStream {
        let tokens = self.user_code(store, chain, &chain.steps[index + 1..]);
        quote_spanned!(mixed(store)=> &#tokens)
    }
}

/// The place at which rustc reports what a store cannot do.
fn reported_at(cache: &Cache) -> Span {
    cache.store.as_ref().map_or_else(|| cache.at.resolved_at(Span::mixed_site()), mixed)
}

struct Names {
    site: Ident,
    store: Ident,
    key: Ident,
}

fn names(index: usize) -> Names {
    let name = |what: &str| Ident::new(&format!("{what}{index}"), Span::mixed_site());
    Names { site: name("__CACHE"), store: name("__store"), key: name("__key") }
}

fn is_place(expr: &Expr) -> bool {
    match expr {
        Expr::Path(_) | Expr::Field(_) | Expr::Index(_) => true,
        Expr::Unary(unary) => matches!(unary.op, syn::UnOp::Deref(_)),
        _ => false,
    }
}
