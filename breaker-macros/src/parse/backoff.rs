//! Reads `backoff`, alone or with named values in parentheses.

use proc_macro2::Ident;
use syn::Result;
use syn::parse::ParseStream;

use super::aliases;
use super::keys::{self, Key};
use super::named_values::{self, Named, Names};
use crate::diagnostics::Errors;

const NAMES: Names = Names { of: "`backoff`", keys: &keys::BACKOFF, aliases: &aliases::BACKOFF };

pub(super) fn parse(input: ParseStream<'_>, errors: &mut Errors, key: &Key, at: &Ident) -> Result<Vec<Named>> {
    named_values::maybe_list(input, errors, &NAMES, key, at)
}
