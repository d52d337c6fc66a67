//! Decides by the written type whether the function returns a `Result`.

use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::{Generics, Ident, Path, Type, TypeParamBound};

use super::shape::{Form, output};
use crate::diagnostics::Errors;
use crate::identifiers::ends_in;
use crate::item::{Function, future};
use crate::parse::fallback::{Chain, Kind};

/// A return type that may be no `Result`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReturnKind {
    /// It is certainly none.
    Value,
    /// A name that may be an alias of one.
    Unknown,
}

/// Types of the standard library that are no `Result`.
const VALUES: [&str; 36] = [
    "bool",
    "char",
    "str",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "f32",
    "f64",
    "Option",
    "String",
    "Vec",
    "VecDeque",
    "HashMap",
    "HashSet",
    "BTreeMap",
    "BTreeSet",
    "Arc",
    "Rc",
    "Cow",
    "Duration",
    "Instant",
    "SystemTime",
    "PathBuf",
    "OsString",
    "Ordering",
    "IpAddr",
    "SocketAddr",
];

/// `None` for a `Result`, and where rustc reports a type that is none.
///
/// A function without a `Result` needs `failure_if`, which says which values are failures. It also
/// needs a last step `value(..)`, which gives callers a value in place of an error.
pub(super) fn check(
    function: &Function,
    (form, outer): (&Form, Option<&Generics>),
    has_failure_if: bool,
    chain: Option<&Chain>,
    errors: &mut Errors,
) -> Option<ReturnKind> {
    let ty = output(function, form);
    // `shape` has reported such a future.
    if !matches!(form, Form::Future(_))
        && function.sig.asyncness.is_none()
        && ty.is_some_and(|ty| future::future_type(ty).is_some())
    {
        return None;
    }
    let is_parameter = |ty: &Type| {
        let mut all = outer.into_iter().chain([&function.sig.generics]).flat_map(Generics::type_params);
        matches!(ty, Type::Path(path) if all.any(|param| path.path.is_ident(&param.ident)))
    };
    let kind = match ty {
        None => ReturnKind::Value,
        Some(ty) if is_parameter(ty) => ReturnKind::Value,
        Some(ty) => of(ty)?,
    };
    let is_whole = has_failure_if && chain.is_some_and(ends_in_value);
    if let Some(ty) = ty.filter(|ty| !is_whole && is_stream(ty)) {
        errors.under(ty, of_a_stream(&function.sig.ident, ty));
        return None;
    }
    let missing = match (!has_failure_if, chain.is_some_and(ends_in_value)) {
        (false, true) => return Some(kind),
        _ if kind == ReturnKind::Unknown => return None,
        (true, true) => "name its failures with `failure_if(..)`",
        (false, false) => "end a `#[fallback]` with a step `value(..)`, which callers get in place of an error",
        (true, false) => {
            "name its failures with `failure_if(..)`, and end a `#[fallback]` with a step `value(..)`, which callers get in place of an error"
        }
    };
    let name = &function.sig.ident;
    let message = |what: &str| format!("`#[circuit_breaker]` needs a `Result`, but `{name}` returns {what}; {missing}");
    match ty {
        Some(Type::Never(never)) => {
            errors.under(never, "`#[circuit_breaker]` needs a function that returns, but this one never does");
        }
        Some(ty) => errors.under(ty, message(&format!("`{}`", shown(ty)))),
        None => errors.at(name.span(), message("nothing")),
    }
    None
}

/// True where the written type is certainly no `Result`; `None`: there is no type.
pub(crate) fn is_value(ty: Option<&Type>) -> bool {
    ty.is_none_or(|ty| of(ty) == Some(ReturnKind::Value))
}

/// True where the last step always has a value.
pub(crate) fn ends_in_value(chain: &Chain) -> bool {
    chain.steps.last().is_some_and(|step| matches!(step.kind, Kind::Value(_)))
}

fn of(ty: &Type) -> Option<ReturnKind> {
    match ty {
        Type::Group(group) => of(&group.elem),
        Type::Paren(paren) => of(&paren.elem),
        Type::Path(ty) if ty.qself.is_none() => of_path(&ty.path),
        Type::Path(_) | Type::Macro(_) | Type::Infer(_) | Type::Verbatim(_) => Some(ReturnKind::Unknown),
        _ => Some(ReturnKind::Value),
    }
}

fn of_path(path: &Path) -> Option<ReturnKind> {
    let last = path.segments.last()?.ident.unraw().to_string();
    if last.ends_with("Result") {
        return None;
    }
    let is_value = VALUES.contains(&&*last);
    Some(if is_value { ReturnKind::Value } else { ReturnKind::Unknown })
}

/// True for `impl Stream<..>`, for a box of one, and for `BoxStream`.
fn is_stream(ty: &Type) -> bool {
    let is_bound = |bound: &TypeParamBound| match bound {
        TypeParamBound::Trait(bound) => ends_in(&bound.path, "Stream"),
        _ => false,
    };
    match ty {
        Type::Group(group) => is_stream(&group.elem),
        Type::Paren(paren) => is_stream(&paren.elem),
        Type::ImplTrait(ty) => ty.bounds.iter().any(is_bound),
        Type::TraitObject(ty) => ty.bounds.iter().any(is_bound),
        Type::Path(ty) if ["Pin", "Box"].iter().any(|name| ends_in(&ty.path, name)) => {
            future::argument(ty).is_some_and(is_stream)
        }
        Type::Path(ty) => ["BoxStream", "LocalBoxStream"].iter().any(|name| ends_in(&ty.path, name)),
        _ => false,
    }
}

fn of_a_stream(name: &Ident, ty: &Type) -> String {
    let fix = "return it in an `Ok`, with the key `stream`, or call `guard_stream` in the body";
    let ty = shown(ty);
    format!("`#[circuit_breaker]` guards a stream in the `Ok` of a `Result`, and `{name}` returns `{ty}` itself; {fix}")
}

/// The type, with spaces as rustfmt mostly has them.
fn shown(ty: &Type) -> String {
    let text = ty.to_token_stream().to_string();
    let pairs =
        [(" <", "<"), ("< ", "<"), (" >", ">"), (" ,", ","), (" :: ", "::"), ("& ", "&"), ("( ", "("), (" )", ")")];
    pairs.iter().fold(text, |text, (from, to)| text.replace(from, to))
}
