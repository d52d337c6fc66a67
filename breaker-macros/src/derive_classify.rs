//! Expands `#[derive(Classify)]`, which says for each variant of an enum what it counts as.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, Field, Fields, GenericParam, Item, ItemEnum, Path, Result, Token, Variant, parse_quote};

use crate::diagnostics::Errors;
use crate::expand::classify::view_of_field;
use crate::parse::suggest;
use crate::spans::mixed;

/// What a variant counts as.
enum Decision {
    /// Nothing is written: a failure, unless a field is a rejection.
    Unmarked,
    /// `ignored`, `success`, `failure`: the constructor of the outcome.
    Word(Ident),
    /// `delegate`, to the field of this index.
    Delegate(Span, usize),
    /// `with = path`, called with the fields.
    With(Path),
}

const WORDS: [&str; 5] = ["ignored", "success", "failure", "delegate", "with"];

pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let tokens = read(input, &mut errors);
    match errors.finish() {
        Ok(()) => tokens.unwrap_or_default(),
        // rustc reports the missing `impl` once more, at each use.
        Err(error) => error.to_compile_error(),
    }
}

fn read(input: TokenStream, errors: &mut Errors) -> Option<TokenStream> {
    let (keyword, name) = match errors.take(syn::parse2(input))? {
        Item::Enum(item) => return expand(&item, errors),
        Item::Struct(item) => (item.struct_token.span, "a struct"),
        Item::Union(item) => (item.union_token.span, "a union"),
        other => (other.span(), "this"),
    };
    let fix = "implement the trait `Classify` yourself, which has one function";
    errors.at(keyword, format!("`#[derive(Classify)]` goes on an enum, not on {name}; {fix}"));
    None
}

// Input:  `enum ApiError<S> { #[classify(ignored)] Empty, #[classify(delegate)] Io(S) }`
// Output: impl<S> K::__rt::Classify for ApiError<S> where S: K::__rt::Classify {
//             fn classify(&self) -> K::__rt::Outcome { match self { ARMS } }
//         }
fn expand(item: &ItemEnum, errors: &mut Errors) -> Option<TokenStream> {
    let krate = errors.take(krate(&item.attrs))?;
    let rt = quote_spanned!(Span::mixed_site()=> #krate::__rt);
    let mut generics = item.generics.clone();
    let mut arms = Vec::new();
    for variant in &item.variants {
        let Some(decision) = errors.take(decision(variant)) else { continue };
        if let Decision::Delegate(_, index) = decision {
            let ty = variant.fields.iter().nth(index).map(|field| &field.ty);
            if ty.is_some_and(|ty| item.generics.params.iter().any(|param| mentions(&ty.to_token_stream(), param))) {
                generics.make_where_clause().predicates.push(parse_quote!(#ty: #rt::Classify));
            }
        }
        arms.push(arm(&rt, variant, &decision));
    }
    let (head, arguments, wheres) = generics.split_for_impl();
    let (name, value) = (
        &item.ident,
        if arms.is_empty() {
            quote_spanned!(Span::mixed_site()=> *self)
        } else {
            quote_spanned!(Span::mixed_site()=> self)
        },
    );
    Some(quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        impl #head #rt::Classify for #name #arguments #wheres {
            fn classify(&self) -> #rt::Outcome {
                match #value { #(#arms)* }
            }
        }
    })
}

// Output: Self::Empty { .. } => K::__rt::Outcome::ignored(),
// or:     Self::Io { 0: __field0, .. } => K::__rt::classify(__field0),
// or:     Self::Http { 0: __field0, 1: __field1, .. } => path(__field0, __field1),
// or:     Self::Open { 0: __field0, .. } => {
//             K::__rt::of_variant(&[K::__rt::inspect_field(__field0).__breaker_view()])
//         }
fn arm(rt: &TokenStream, variant: &Variant, decision: &Decision) -> TokenStream {
    let name = &variant.ident;
    // At the place of its use, so that rustc reports a wrong type at the user's word.
    let field = |index: usize, field: &Field, at: Span| {
        let place =
            field.ident.as_ref().map_or_else(|| syn::Index::from(index).to_token_stream(), Ident::to_token_stream);
        let local = format_ident!("__field{index}", span = at);
        (quote!(#place: #local), local)
    };
    let mut fields = variant.fields.iter().enumerate();
    let (patterns, value): (Vec<_>, _) = match decision {
        Decision::Unmarked => {
            let at = Span::mixed_site();
            let looks = |(index, one): (usize, &Field)| {
                let (pattern, local) = field(index, one, at);
                (pattern, view_of_field(rt, &one.ty.to_token_stream(), &local))
            };
            let (patterns, looks): (Vec<_>, Vec<_>) = fields.map(looks).unzip();
            (patterns, quote_spanned!(at=> #rt::of_variant(&[#(#looks),*])))
        }
        Decision::Word(word) => (Vec::new(), quote_spanned!(Span::mixed_site()=> #rt::Outcome::#word())),
        Decision::Delegate(span, wanted) => {
            let at = span.resolved_at(Span::mixed_site());
            let rt = crate::spans::respan(rt.clone(), at);
            let (pattern, locals): (Vec<_>, Vec<_>) =
                fields.nth(*wanted).map(|(index, one)| field(index, one, at)).into_iter().unzip();
            (pattern, quote_spanned!(at=> #rt::classify(#(#locals),*)))
        }
        Decision::With(path) => {
            let at = mixed(path);
            let (patterns, locals): (Vec<_>, Vec<_>) = fields.map(|(index, one)| field(index, one, at)).unzip();
            (patterns, quote_spanned!(at=> #path(#(#locals),*)))
        }
    };
    quote_spanned!(Span::mixed_site()=> Self::#name { #(#patterns,)* .. } => #value,)
}

/// What the variant's attribute says. Without one the variant counts as an error that no list of
/// `#[circuit_breaker]` names.
fn decision(variant: &Variant) -> Result<Decision> {
    for field in &variant.fields {
        if let Some(attr) = ours(&field.attrs).next() {
            return Err(Error::new_spanned(attr, "`#[classify(..)]` goes on the variant, not on its field"));
        }
    }
    let mut attrs = ours(&variant.attrs);
    let Some(attr) = attrs.next() else {
        return Ok(Decision::Unmarked);
    };
    if let Some(second) = attrs.next() {
        return Err(Error::new_spanned(
            second,
            "`#[classify(..)]` is written twice; a variant has one outcome, so remove one",
        ));
    }
    let list = attr.meta.require_list().map_err(|_| Error::new_spanned(attr, expected()))?;
    if list.tokens.is_empty() {
        return Err(Error::new_spanned(attr, expected()));
    }
    attr.parse_args_with(|input: ParseStream<'_>| word(input, variant))
}

fn expected() -> String {
    "expected `#[classify(ignored)]`, `success`, `failure`, `delegate` or `with = path`".to_owned()
}

fn word(input: ParseStream<'_>, variant: &Variant) -> Result<Decision> {
    let word = input.call(Ident::parse_any).map_err(|error| Error::new(error.span(), expected()))?;
    let decision = match suggest::word("classify", &word.to_string(), word.span(), &WORDS)? {
        "delegate" => Decision::Delegate(word.span(), delegate(variant, word.span())?),
        "with" => with(input, &word, variant)?,
        name => Decision::Word(Ident::new(name, Span::mixed_site())),
    };
    let _: Option<Token![,]> = input.parse()?;
    if input.is_empty() { Ok(decision) } else { Err(input.error("a variant has one outcome; remove this")) }
}

fn with(input: ParseStream<'_>, word: &Ident, variant: &Variant) -> Result<Decision> {
    let fix = "`with` takes the path of a function that is called with the variant's fields by reference, for instance \
               `with = status_outcome`";
    if !input.peek(Token![=]) {
        return Err(Error::new(word.span(), fix));
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() {
        return Err(Error::new(word.span(), fix));
    }
    let ahead = input.fork();
    ahead.parse::<Path>().map_err(|error| Error::new(error.span(), fix))?;
    let path = input.parse()?;
    check_preset(&path, variant)?;
    Ok(Decision::With(path))
}

/// Refuses a preset on a variant that has not exactly one field: rustc would propose to leave out a
/// part of its path. The user can name a module `presets` of their own `self::presets`.
fn check_preset(path: &Path, variant: &Variant) -> Result<()> {
    let mut last = path.segments.iter().rev().map(|segment| &segment.ident);
    let (Some(name), Some(module), of) = (last.next(), last.next(), last.next()) else { return Ok(()) };
    if module != "presets" || of.is_some_and(|of| of != "breaker_core") {
        return Ok(());
    }
    let fix = match variant.fields.len() {
        1 => return Ok(()),
        0 => "but the variant has none; write `ignored`, `success` or `failure`".to_owned(),
        count => format!(
            "but the variant has {count}; write `with = path` for your own function, which gets all fields by reference and calls `presets::{name}(error)`"
        ),
    };
    Err(Error::new_spanned(path, format!("`presets::{name}` classifies one field, {fix}")))
}

/// The field that `delegate` asks: the only one, or the one that is the source.
fn delegate(variant: &Variant, at: Span) -> Result<usize> {
    let is_source = |field: &Field| {
        let named = field.ident.as_ref().is_some_and(|name| name.unraw() == "source");
        named || field.attrs.iter().any(|attr| attr.path().is_ident("source") || attr.path().is_ident("from"))
    };
    match &variant.fields {
        fields if fields.len() == 1 => Ok(0),
        Fields::Unit => Err(Error::new(
            at,
            "`delegate` classifies the variant's field, but it has none; write `ignored`, `success` or `failure`",
        )),
        fields => fields.iter().position(is_source).ok_or_else(|| {
            let fix = "name one of them `source`, or write `with = path`, which gets all fields";
            Error::new(at, format!("`delegate` cannot choose between the fields; {fix}"))
        }),
    }
}

/// `#[classify(crate = path)]` on the enum.
fn krate(attrs: &[Attribute]) -> Result<TokenStream> {
    let Some(attr) = ours(attrs).next() else {
        return Ok(quote!(::breaker_core));
    };
    let fix = "the enum itself takes only `#[classify(crate = path)]`; put this on its variants";
    attr.parse_args_with(|input: ParseStream<'_>| {
        input.parse::<Token![crate]>()?;
        input.parse::<Token![=]>()?;
        input.call(Path::parse_mod_style)
    })
    .map(Path::into_token_stream)
    .map_err(|_| Error::new_spanned(attr, fix))
}

fn ours(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("classify"))
}

fn mentions(tokens: &TokenStream, param: &GenericParam) -> bool {
    matches!(param, GenericParam::Type(param) if crate::identifiers::mentions(tokens, &param.ident))
}
