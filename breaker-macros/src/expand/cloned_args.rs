//! Writes the arguments of each attempt of a retry: clones of owned ones, reborrows of `&mut` ones.

use proc_macro2::{Group, Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::Attribute;

use super::context::Context;
use crate::identifiers;
use crate::item::future::Tail;
use crate::item::locals::{self, Let};
use crate::item::params::{Kind, Ownership, Param, allow_local_lints};
use crate::spans::mixed;

/// The name of `self` in an attempt that may move it.
const THIS: &str = "__this";

/// A local of which each attempt has its own.
struct Local {
    cfg: Vec<Attribute>,
    name: Ident,
    ownership: Ownership,
    /// The user wrote `mut` before the async block in which the attempts run.
    mutable: bool,
}

impl Context<'_> {
    // Output: let x = K::__rt::repeat(&x);
    // and:    let y = &mut *y;
    pub(super) fn cloned_args(&self) -> TokenStream {
        self.cloned_locals().iter().map(|local| self.clone_local(local)).collect()
    }

    // Output: `let _ = &mut x;`
    //
    // Each attempt changes a local of its own, so rustc would report a `mut` before the user's
    // async block as unused.
    pub(super) fn mutable_locals(&self) -> TokenStream {
        let all = self.cloned_locals();
        let mutable = all.iter().filter(|local| local.mutable);
        mutable
            .map(|Local { cfg, name, .. }| quote_spanned!(Span::mixed_site()=> #(#cfg)* let _ = &mut #name;))
            .collect()
    }

    fn cloned_locals(&self) -> Vec<Local> {
        match self.tail() {
            Some(tail) => self.locals_of_block(tail),
            None => self.plan.params.iter().flat_map(arguments).collect(),
        }
    }

    /// The locals and arguments that the user's own async block uses.
    fn locals_of_block(&self, tail: &Tail) -> Vec<Local> {
        let code = tail.block.stream();
        let lets = locals::lets(&tail.head).into_iter().map(|Let { cfg, binding }| {
            let mutable = binding.mutability.is_some();
            Local { cfg, name: binding.ident, ownership: Ownership::Owned, mutable }
        });
        let mut all: Vec<Local> = lets.filter(|local| identifiers::uses_local(&code, &local.name)).collect();
        for param in &self.plan.params {
            // The body takes a renamed pattern apart, even if it uses no part.
            let is_whole = matches!(param.kind, Kind::Renamed(_));
            for (name, ownership) in param.names() {
                let is_hidden = all.iter().any(|local| local.name == name);
                let mutable = param.bindings().iter().any(|one| one.ident == name && one.mutability.is_some());
                if !is_hidden && (is_whole || identifiers::uses_local(&code, &name)) {
                    all.push(Local { cfg: param.cfg.clone(), name, ownership, mutable });
                }
            }
        }
        all
    }

    // Output: `let x = K::__rt::repeat(&x);`, at the argument
    // or:     `let mut y = &mut *y;`
    // or:     `let __this = &mut *self;`
    fn clone_local(&self, local: &Local) -> TokenStream {
        let Local { cfg, name, ownership, mutable } = local;
        let value = match ownership {
            Ownership::Shared => return TokenStream::new(),
            Ownership::Unique => quote_spanned!(Span::mixed_site()=> &mut *#name),
            Ownership::Owned => {
                let repeat = match self.is_generic(name) && !self.is_converted(name) {
                    true if self.could_be_converted(name) => "each_attempt_converts",
                    true => "each_attempt_clones",
                    false => "repeat",
                };
                let (rt, repeat) = (self.rt.at(mixed(name)), Ident::new(repeat, mixed(name)));
                quote_spanned!(mixed(name)=> #rt::#repeat(&#name))
            }
        };
        let this = Ident::new(THIS, name.span());
        let (allow, name) = (allow_local_lints(), if name == "self" { &this } else { name });
        // Perhaps only the statements before the block need the user's `mut`.
        let mutable = mutable.then(|| quote_spanned!(Span::mixed_site()=> mut));
        let used = mutable.as_ref().map(|_| quote_spanned!(Span::mixed_site()=> #(#cfg)* let _ = &mut #name;));
        quote_spanned!(Span::mixed_site()=> #(#cfg)* #allow let #mutable #name = #value; #used)
    }

    // Input:  `async` or `async move`
    // Output: the same, or `async move` with a `#[retry]`
    //
    // Only such a block can hold what its attempts clone.
    pub(super) fn tail_keywords(&self, tail: &Tail) -> TokenStream {
        if self.plan.retry.is_none() {
            return tail.keywords.clone();
        }
        let keyword = tail.keywords.clone().into_iter().next();
        quote_spanned!(Span::mixed_site()=> #keyword move)
    }

    /// The user's code for one of several attempts.
    ///
    /// No local can be called `self`. So in an async block, which may move it, a `&mut self` has
    /// another name.
    pub(super) fn body_of_attempt(&self) -> Group {
        let block = self.block();
        let (made, rest) = self.conversions();
        if !made.is_empty() {
            let mut whole = Group::new(block.delimiter(), rest);
            whole.set_span(block.span());
            return whole;
        }
        let receiver = self.plan.params.first().filter(|param| matches!(param.kind, Kind::Receiver(_)));
        let moves_self = receiver.is_some_and(|param| param.ownership == Ownership::Unique);
        if self.plan.retry.is_none() || self.tail().is_none() || !moves_self {
            return block.clone();
        }
        let mut replaced = Group::new(block.delimiter(), identifiers::replace_self(block.stream(), THIS));
        replaced.set_span(block.span());
        replaced
    }
}

/// The arguments of an `async fn`, except `self`, which its body borrows.
fn arguments(param: &Param) -> Vec<Local> {
    let names = param.names().into_iter().filter(|(name, _)| name != "self");
    names.map(|(name, ownership)| Local { cfg: param.cfg.clone(), name, ownership, mutable: false }).collect()
}
