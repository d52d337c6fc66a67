//! Holds the plan of one expansion, and writes the tokens that several parts of it share.

use std::time::Duration;

use proc_macro2::{Group, Ident, Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};
use syn::{Expr, FnArg, Pat, PatType, Signature, Type};

use super::paths::Rt;
use crate::item::future::Tail;
use crate::item::return_type;
use crate::spans::mixed;
use crate::validate::Plan;
use crate::validate::return_value::ReturnKind;
use crate::validate::shape::{self, Form};
use crate::validate::values::Setting;

/// The plan, and what all parts of its expansion need.
pub(super) struct Context<'p> {
    pub(super) plan: &'p Plan,
    pub(super) rt: Rt<'p>,
    /// The written return type, or that of the returned future, with `_` for each `impl Trait`.
    pub(super) ret: TokenStream,
    /// The type of results: the same, or `K::__rt::Given<..>` where it may be no `Result`.
    pub(super) result: TokenStream,
    /// The place of the return type.
    pub(super) at_ret: Span,
    pub(super) is_async: bool,
}

impl<'p> Context<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        let sig = &plan.function.sig;
        let rt = Rt::new(plan.krate.as_ref());
        let (ret, at_ret) = match shape::output(&plan.function, &plan.form) {
            None => (quote_spanned!(Span::mixed_site()=> ()), mixed(&sig.ident)),
            Some(ty) => (return_type::without_impl(ty).to_token_stream(), mixed(ty)),
        };
        let result = match plan.returns {
            None => ret.clone(),
            Some(ReturnKind::Value) => quote_spanned!(Span::mixed_site()=> #rt::Given<#ret, #rt::OfValue>),
            Some(ReturnKind::Unknown) => quote_spanned!(Span::mixed_site()=> #rt::Given<#ret, _>),
        };
        Context { plan, rt, ret, result, at_ret, is_async: !matches!(plan.form, Form::Sync) }
    }

    // Output: `return VALUE`
    // or:     `return K::__rt::Given::value(VALUE)` where the function returns no `Result`
    pub(super) fn leave(&self, at: Span, value: &TokenStream) -> TokenStream {
        let rt = self.rt.at(at);
        match self.plan.returns {
            None => quote_spanned!(at=> return #value),
            Some(_) => quote_spanned!(at=> return #rt::Given::value(#value)),
        }
    }

    // Output: `K::__rt::from_rejection`, at the return type, which it bounds
    // or:     the value of the key `open`
    pub(super) fn open(&self) -> TokenStream {
        match &self.plan.open {
            Some(open) => open.to_token_stream(),
            None => {
                let rt = self.rt.at(self.at_ret);
                quote_spanned!(self.at_ret=> #rt::from_rejection)
            }
        }
    }

    // Output: let __shape = {
    //             use K::__rt::Answers as _;
    //             K::__rt::Probe::<Ret>::new().__breaker_shape()
    //         };
    pub(super) fn shape(&self) -> Option<TokenStream> {
        let (rt, ret) = (self.rt, &self.ret);
        self.plan.returns.map(|_| {
            quote_spanned! {Span::mixed_site()=>
                let __shape = {
                    use #rt::Answers as _;
                    #rt::Probe::<#ret>::new().__breaker_shape()
                };
            }
        })
    }

    // Output: `VALUE`
    // or:     `K::__rt::shaped(__shape, VALUE)` where nothing else says the type
    pub(super) fn shaped(&self, at: Span, value: TokenStream) -> TokenStream {
        let rt = self.rt.at(at);
        match self.plan.returns {
            Some(ReturnKind::Unknown) => quote_spanned!(at=> #rt::shaped(__shape, #value)),
            _ => value,
        }
    }

    /// Whether an `impl Trait` is in the return type.
    pub(super) fn gives_impl(&self) -> bool {
        self.output().is_some_and(return_type::has_impl)
    }

    /// The written return type, or the output of the returned future.
    pub(super) fn output(&self) -> Option<&Type> {
        shape::output(&self.plan.function, &self.plan.form)
    }

    /// The user's own async block, into which the gate goes.
    pub(super) fn tail(&self) -> Option<&Tail> {
        match &self.plan.form {
            Form::Future(future) => future.tail.as_ref(),
            _ => None,
        }
    }

    /// True where the user's code makes a future, and a generated block awaits it.
    pub(super) fn awaits_another(&self) -> bool {
        matches!(&self.plan.form, Form::Future(future) if future.tail.is_none())
    }

    /// The user's code after the gate, in its braces.
    pub(super) fn block(&self) -> &Group {
        self.tail().map_or(&self.plan.function.body, |tail| &tail.block)
    }

    /// Whether the type of the argument is a type parameter of the function, or an `impl Trait`.
    /// rustc proposes the missing bound of such a type.
    pub(super) fn is_generic(&self, name: &Ident) -> bool {
        let Signature { inputs, generics, .. } = &self.plan.function.sig;
        inputs.iter().any(|input| match input {
            FnArg::Typed(PatType { pat, ty, .. }) if matches!(&**pat, Pat::Ident(pat) if pat.ident == *name) => {
                match &**ty {
                    Type::ImplTrait(_) => true,
                    Type::Path(ty) => generics.type_params().any(|param| ty.path.is_ident(&param.ident)),
                    _ => false,
                }
            }
            _ => false,
        })
    }

    // Output: `K::__rt::copy(&x)`, at the argument
    pub(super) fn copied(&self, name: &Ident) -> TokenStream {
        self.copied_from(name, name)
    }

    /// The same of the local that holds the argument.
    pub(super) fn copied_from(&self, name: &Ident, place: &Ident) -> TokenStream {
        let at = mixed(name);
        let copy = Ident::new(if self.is_generic(name) { "each_step_clones" } else { "copy" }, at);
        let rt = self.rt.at(at);
        quote_spanned!(at=> #rt::#copy(&#place))
    }

    pub(super) fn maybe(&self, value: Option<TokenStream>) -> TokenStream {
        let rt = self.rt;
        match value {
            Some(value) => quote_spanned!(Span::mixed_site()=> #rt::Some(#value)),
            None => quote_spanned!(Span::mixed_site()=> #rt::None),
        }
    }

    // Output: `K::__rt::duration(2u64, 0u32)`, `K::__rt::wait(EXPR)`
    pub(super) fn span_of(&self, setting: &Setting) -> TokenStream {
        let rt = self.rt;
        let length = match setting {
            Setting::LengthOf(expr) => return self.typed("wait", expr),
            Setting::Length(length) => *length,
            _ => Duration::ZERO,
        };
        let (secs, nanos) = (length.as_secs(), length.subsec_nanos());
        quote_spanned!(Span::mixed_site()=> #rt::duration(#secs, #nanos))
    }

    // Output: `K::__rt::attempts(EXPR)`, at the expression
    pub(super) fn typed(&self, kind: &str, expr: &Expr) -> TokenStream {
        let at = mixed(expr);
        let (rt, kind) = (self.rt.at(at), Ident::new(kind, at));
        quote_spanned!(at=> #rt::#kind(#expr))
    }
}
