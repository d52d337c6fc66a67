//! Reads `#[retry(..)]`: keys with values, `wait` with or without one, and `when(..)` with items.

use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser as _};

use super::aliases;
use super::keys;
pub(crate) use super::named_values::Named as Opt;
use super::named_values::{self, Names};
use crate::diagnostics::Errors;

const NAMES: Names = Names { of: "`#[retry]`", keys: &keys::RETRY, aliases: &aliases::RETRY };

pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Vec<Opt> {
    let mut options = Vec::new();
    let read = |input: ParseStream<'_>| {
        options = named_values::named_values(input, errors, &NAMES);
        Ok(())
    };
    let whole = read.parse2(tokens);
    errors.take(whole);
    options
}
