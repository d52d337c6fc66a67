//! Reads the parameters of a function, and declares them as locals of its body.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};
use syn::ext::IdentExt as _;
use syn::{Attribute, FnArg, Meta, Pat, PatIdent, PatType, Receiver, ReceiverKind, Signature, Token, Type};

use crate::spans::mixed;

/// How the function has a parameter. It decides whether the parameter can be used twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// `&T`: passed on as it is.
    Shared,
    /// `&mut T`: reborrowed.
    Unique,
    /// Anything else: moved, or copied for a fallback.
    Owned,
}

pub(crate) struct Param {
    /// `#[cfg(..)]`, which goes with every use.
    pub(crate) cfg: Vec<Attribute>,
    /// Lint attributes on the parameter, such as `#[allow(..)]`.
    lints: Vec<Attribute>,
    pub(crate) ownership: Ownership,
    /// A number or the like: small, and nothing drops with it.
    pub(crate) is_scalar: bool,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    Receiver(Ident),
    Name(Binding),
    /// A pattern that stays in the signature.
    Spread(Vec<Binding>),
    /// A pattern that the body takes apart. The signature has a name in its place.
    Renamed(Box<Renamed>),
}

pub(crate) struct Renamed {
    pub(crate) name: Ident,
    /// As written, for the body.
    pattern: Pat,
    /// Without `mut`, for the steps.
    pub(crate) plain: Pat,
    pub(crate) bindings: Vec<Binding>,
}

/// A name that a parameter binds.
#[derive(Clone)]
pub(crate) struct Binding {
    pub(crate) ident: Ident,
    pub(crate) mutability: Option<Token![mut]>,
    /// False for `ref x`.
    pub(crate) owned: bool,
}

/// Reads the parameters, and moves each `mut` from the signature to the body's own local.
///
/// Patterns move too where a fallback needs each argument in one piece (`whole`), or where the
/// order of drops would change.
pub(crate) fn take(sig: &mut Signature, whole: bool) -> Vec<Param> {
    read(sig, whole, true)
}

/// Reads the parameters where the body is an async block of the user's, which captures them.
///
/// Only a pattern that a fallback needs in one piece moves from the signature.
pub(crate) fn leave(sig: &mut Signature, whole: bool) -> Vec<Param> {
    let mut changed = sig.clone();
    let params = read(&mut changed, whole, false);
    for ((written, changed), param) in sig.inputs.iter_mut().zip(changed.inputs).zip(&params) {
        if matches!(param.kind, Kind::Renamed(_)) {
            *written = changed;
        }
    }
    params
}

fn read(sig: &mut Signature, whole: bool, in_order: bool) -> Vec<Param> {
    let mut owned_before = false;
    let mut params = Vec::new();
    for (index, input) in sig.inputs.iter_mut().enumerate() {
        let param = match input {
            FnArg::Receiver(receiver) => self_param(receiver),
            FnArg::Typed(typed) => typed_param(typed, index, whole, in_order && owned_before),
        };
        owned_before |= param.ownership == Ownership::Owned;
        params.push(param);
    }
    params
}

fn self_param(receiver: &Receiver) -> Param {
    let ownership = match &receiver.kind {
        ReceiverKind::Reference(_, _, None) => Ownership::Shared,
        ReceiverKind::Reference(_, _, Some(_)) => Ownership::Unique,
        ReceiverKind::Typed(_, ty) => ownership(ty),
        _ => Ownership::Owned,
    };
    let kind = Kind::Receiver(Ident::new("self", receiver.self_token.span));
    Param { cfg: cfg(&receiver.attrs), lints: Vec::new(), ownership, is_scalar: false, kind }
}

fn typed_param(typed: &mut PatType, index: usize, whole: bool, owned_before: bool) -> Param {
    let (ownership, is_scalar) = (ownership(&typed.ty), is_scalar(&typed.ty));
    let cfg = cfg(&typed.attrs);
    let lints = take_lints(&mut typed.attrs);
    // An unbound part drops with the parameter. Outside the body that would be after the parameters
    // before it.
    let whole = whole || (owned_before && ownership == Ownership::Owned && leaves_a_part(&typed.pat));
    let kind = match &mut *typed.pat {
        Pat::Ident(PatIdent { by_ref: None, mutability, ident, subpat: None, .. }) if !is_upper(ident) => {
            Kind::Name(Binding { ident: ident.clone(), mutability: mutability.take(), owned: true })
        }
        pat if whole => rename(pat, index),
        pat => Kind::Spread(bindings(pat)),
    };
    Param { cfg, lints, ownership, is_scalar, kind }
}

// Input:  `(a, b): (A, B)`
// Output: `__arg0: (A, B)`
fn rename(pat: &mut Pat, index: usize) -> Kind {
    let name = Ident::new(&format!("__arg{index}"), mixed(pat));
    let by_name =
        Pat::Ident(PatIdent { attrs: Vec::new(), by_ref: None, mutability: None, ident: name.clone(), subpat: None });
    let pattern = std::mem::replace(pat, by_name);
    let mut plain = pattern.clone();
    let bindings = bindings(&mut plain);
    Kind::Renamed(Box::new(Renamed { name, pattern, plain, bindings }))
}

pub(crate) fn ownership(ty: &Type) -> Ownership {
    match ty {
        Type::Reference(reference) if reference.mutability.is_some() => Ownership::Unique,
        Type::Reference(_) => Ownership::Shared,
        Type::Group(group) => ownership(&group.elem),
        Type::Paren(paren) => ownership(&paren.elem),
        _ => Ownership::Owned,
    }
}

fn is_scalar(ty: &Type) -> bool {
    const SCALARS: [&str; 16] = [
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128",
        "usize",
    ];
    matches!(ty, Type::Path(ty) if SCALARS.iter().any(|scalar| ty.path.is_ident(scalar)))
}

/// True for a constant or a unit struct: such a pattern binds nothing.
fn is_upper(ident: &Ident) -> bool {
    ident.unraw().to_string().trim_start_matches('_').starts_with(char::is_uppercase)
}

fn cfg(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect()
}

/// Copies the lint attributes. An `expect` becomes an `allow`, since only the local meets the
/// expectation.
fn take_lints(attrs: &mut [Attribute]) -> Vec<Attribute> {
    const LEVELS: [&str; 6] = ["allow", "warn", "deny", "forbid", "expect", "cfg_attr"];
    let is_lint = |attr: &&mut Attribute| LEVELS.iter().any(|level| attr.path().is_ident(level));
    let mut lints = Vec::new();
    for attr in attrs.iter_mut().filter(is_lint) {
        lints.push(attr.clone());
        match &mut attr.meta {
            Meta::List(list) if list.path.is_ident("expect") => {
                list.path = Ident::new("allow", Span::mixed_site()).into();
            }
            _ => {}
        }
    }
    lints
}

fn leaves_a_part(pat: &Pat) -> bool {
    let text = pat.to_token_stream().to_string();
    text.split(|c: char| !c.is_alphanumeric() && !"_.".contains(c)).any(|word| word == "_" || word.contains(".."))
}

/// Collects what a pattern binds, and takes the `mut`s off it.
pub(crate) fn bindings(pat: &mut Pat) -> Vec<Binding> {
    let mut found = Vec::new();
    collect(pat, &mut found);
    found
}

fn collect(pat: &mut Pat, found: &mut Vec<Binding>) {
    match pat {
        Pat::Ident(name) => {
            if !is_upper(&name.ident) {
                let mutability = if name.by_ref.is_none() { name.mutability.take() } else { None };
                found.push(Binding { ident: name.ident.clone(), mutability, owned: name.by_ref.is_none() });
            }
            if let Some((_, inner)) = &mut name.subpat {
                collect(inner, found);
            }
        }
        // All cases bind the same names.
        Pat::Or(or) => {
            let last = or.cases.iter_mut().map(bindings).last();
            found.extend(last.into_iter().flatten());
        }
        Pat::Paren(paren) => collect(&mut paren.pat, found),
        Pat::Reference(reference) => collect(&mut reference.pat, found),
        Pat::Slice(slice) => slice.elems.iter_mut().for_each(|part| collect(part, found)),
        Pat::Tuple(tuple) => tuple.elems.iter_mut().for_each(|part| collect(part, found)),
        Pat::TupleStruct(tuple) => tuple.elems.iter_mut().for_each(|part| collect(part, found)),
        Pat::Struct(fields) => fields.fields.iter_mut().for_each(|field| collect(&mut field.pat, found)),
        Pat::Type(typed) => collect(&mut typed.pat, found),
        _ => {}
    }
}

impl Param {
    // Input:  `mut tries: u32`
    // Output: `let mut tries = tries;`
    // or:     `let (_tries,) = (_tries,);` for a name that begins with an underscore
    //
    // So the body owns its arguments as the function did. They drop in the same order, code can
    // assign to them, and the borrow checker's messages call them locals. References drop nothing
    // and stay as they are, and so do those that the block holds.
    pub(crate) fn as_local(&self, moves: bool, held: &[Ident]) -> TokenStream {
        let rebind = |binding: &Binding| match held.contains(&binding.ident) {
            true => TokenStream::new(),
            false => self.rebind(binding, moves),
        };
        match &self.kind {
            Kind::Receiver(_) => TokenStream::new(),
            Kind::Name(binding) => rebind(binding),
            Kind::Spread(bindings) => bindings.iter().map(rebind).collect(),
            Kind::Renamed(renamed) => {
                let (cfg, lints, name, pattern) = (&self.cfg, &self.lints, &renamed.name, &renamed.pattern);
                quote_spanned! {Span::mixed_site()=>
                    #(#cfg)* let #name = #name;
                    #(#cfg)* #(#lints)* let #pattern = #name;
                }
            }
        }
    }

    fn rebind(&self, binding: &Binding, moves: bool) -> TokenStream {
        let Binding { ident, mutability, .. } = binding;
        let (cfg, lints) = (&self.cfg, &self.lints);
        // A block borrows what it does not move, and a shared borrow of a `&mut T` needs `T: Sync`.
        if !self.is_rebound(binding) && (moves || self.ownership != Ownership::Unique) {
            return TokenStream::new();
        }
        if starts_with_underscore(ident) {
            let used = allow_used_underscore();
            return quote_spanned! {Span::mixed_site()=>
                #(#cfg)* #[allow(clippy::shadow_reuse)] #(#lints)* let (#mutability #ident,) = (#used #ident,);
            };
        }
        quote_spanned!(Span::mixed_site()=> #(#cfg)* #[allow(clippy::shadow_same)] #(#lints)* let #mutability #ident = #ident;)
    }

    /// The name, if the parameter is nothing but a name.
    pub(crate) fn plain_name(&self) -> Option<&Binding> {
        match &self.kind {
            Kind::Name(binding) if self.cfg.is_empty() && self.lints.is_empty() => Some(binding),
            _ => None,
        }
    }

    /// Whether an async block may hold what the parameter binds, as [`Self::as_local`] has it else.
    pub(crate) fn may_be_held(&self) -> bool {
        // Under a `cfg` another argument may have the same name.
        let has_attributes = !self.lints.is_empty() || !self.cfg.is_empty();
        let is_plain = matches!(self.kind, Kind::Name(_) | Kind::Spread(_)) && !has_attributes;
        is_plain && self.bindings().iter().all(|binding| binding.mutability.is_none())
    }

    /// Everything that the parameter binds, in the signature or in the body.
    pub(crate) fn bindings(&self) -> &[Binding] {
        match &self.kind {
            Kind::Receiver(_) => &[],
            Kind::Name(binding) => std::slice::from_ref(binding),
            Kind::Spread(bindings) => bindings,
            Kind::Renamed(renamed) => &renamed.bindings[..],
        }
    }

    /// The names of the locals that [`Self::as_local`] declares.
    pub(crate) fn locals(&self) -> impl Iterator<Item = &Ident> {
        let all = matches!(self.kind, Kind::Renamed(_));
        self.bindings().iter().filter(move |binding| all || self.is_rebound(binding)).map(|binding| &binding.ident)
    }

    /// True where the body uses names that [`Self::as_local`] does not declare.
    pub(crate) fn is_captured(&self) -> bool {
        match &self.kind {
            Kind::Receiver(_) => true,
            Kind::Renamed(_) => false,
            Kind::Name(_) | Kind::Spread(_) => self.bindings().iter().any(|binding| !self.is_rebound(binding)),
        }
    }

    fn is_rebound(&self, binding: &Binding) -> bool {
        binding.mutability.is_some() || (binding.owned && self.ownership == Ownership::Owned)
    }

    /// The names that the parameter has outside the body.
    pub(crate) fn names(&self) -> Vec<(Ident, Ownership)> {
        match &self.kind {
            Kind::Receiver(name) => vec![(name.clone(), self.ownership)],
            Kind::Renamed(renamed) => vec![(renamed.name.clone(), self.ownership)],
            Kind::Name(binding) => vec![(binding.ident.clone(), self.ownership)],
            Kind::Spread(bindings) => {
                let ownership = |binding: &Binding| if binding.owned { self.ownership } else { Ownership::Shared };
                bindings.iter().map(|binding| (binding.ident.clone(), ownership(binding))).collect()
            }
        }
    }
}

/// Allows what clippy reports about a local that replaces an argument: it is not the user's code.
pub(crate) fn allow_local_lints() -> TokenStream {
    quote_spanned! {Span::mixed_site()=>
        #[allow(
            clippy::shadow_same,
            clippy::shadow_reuse,
            clippy::shadow_unrelated,
            clippy::used_underscore_binding,
            clippy::no_effect_underscore_binding
        )]
    }
}

/// Allows the use of a name that begins with an underscore, where the expansion passes it on. The
/// local itself allows nothing, so clippy still reports uses in the user's code.
pub(crate) fn allow_used_underscore() -> TokenStream {
    quote_spanned!(Span::mixed_site()=> #[allow(clippy::used_underscore_binding)])
}

pub(crate) fn starts_with_underscore(name: &Ident) -> bool {
    name.unraw().to_string().starts_with('_')
}
