//! Writes `K::__rt`, the path before all names of an expansion.

use proc_macro2::{Ident, Punct, Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt as _};

use crate::spans::respan;

/// The path, with the span at which rustc reports errors in what follows it.
///
/// It appends itself token by token. An expansion has many of them, and a stream for each would be
/// a call into rustc.
#[derive(Clone, Copy)]
pub(super) struct Rt<'p> {
    /// The user's path of the crate; `None` is `::breaker_core`.
    krate: Option<&'p TokenStream>,
    at: Span,
}

impl<'p> Rt<'p> {
    pub(super) fn new(krate: Option<&'p TokenStream>) -> Self {
        Self { krate, at: Span::mixed_site() }
    }

    pub(super) fn at(self, at: Span) -> Self {
        Self { at, ..self }
    }
}

impl ToTokens for Rt<'_> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        if let Some(krate) = self.krate {
            tokens.extend(respan(krate.clone(), self.at));
        } else {
            colons(tokens, self.at);
            tokens.append(Ident::new("breaker_core", self.at));
        }
        colons(tokens, self.at);
        tokens.append(Ident::new("__rt", self.at));
    }
}

fn colons(tokens: &mut TokenStream, at: Span) {
    for spacing in [Spacing::Joint, Spacing::Alone] {
        let mut colon = Punct::new(':', spacing);
        colon.set_span(at);
        tokens.append(TokenTree::Punct(colon));
    }
}
