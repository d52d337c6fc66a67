//! Every shape that a function can have, one test for each, named after what it promises. Compiled
//! in each edition, with all warnings and clippy's pedantic and nursery ones denied.
#![cfg(test)]
#![deny(warnings, clippy::pedantic, clippy::nursery)]
#![deny(future_incompatible, rust_2018_idioms, rust_2021_compatibility, rust_2024_compatibility, let_underscore)]
#![deny(explicit_outlives_requirements, redundant_lifetimes, unit_bindings, unused_lifetimes, variant_size_differences)]
#![allow(
    clippy::manual_async_fn,
    clippy::missing_const_for_fn,
    clippy::needless_pass_by_ref_mut,
    clippy::needless_pass_by_value,
    clippy::redundant_pub_crate,
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    clippy::unused_async,
    clippy::unused_self,
    clippy::use_self,
    clippy::future_not_send,
    clippy::items_after_statements,
    clippy::uninlined_format_args,
    edition_2024_expr_fragment_specifier,
    non_local_definitions,
    reason = "the shape is what counts here, and these are about the shape as it is written"
)]

/// Macros of the user's own in place of those of the prelude, for all the files below.
macro_rules! shadow {
    ($($name:ident)*) => {$(
        #[allow(unused_macros, reason = "it is there to be seen, not to be called")]
        macro_rules! $name {
            () => { compile_error!("the expansion named a macro of the prelude") };
        }
    )*};
}
shadow! { module_path file line column concat stringify pin unreachable debug_assert include_str env write site name register }

#[macro_use]
mod check;

#[forbid(unsafe_code)]
mod arguments;
#[forbid(unsafe_code)]
pub mod attributes;
#[forbid(unsafe_code)]
mod bodies;
#[forbid(unsafe_code)]
mod caches;
#[forbid(unsafe_code)]
mod drop_order;
#[forbid(unsafe_code)]
mod fallbacks;
#[forbid(unsafe_code)]
mod from_macros;
#[forbid(unsafe_code)]
mod futures;
#[forbid(unsafe_code)]
mod hygiene;
#[forbid(unsafe_code)]
mod impl_block;
#[forbid(unsafe_code)]
mod lifetimes;
#[forbid(unsafe_code)]
mod odd;
#[forbid(unsafe_code)]
mod receivers;
#[forbid(unsafe_code)]
mod returned;
#[forbid(unsafe_code)]
mod returns;
#[forbid(unsafe_code)]
mod signatures;
#[forbid(unsafe_code)]
mod sizes;
#[forbid(unsafe_code)]
mod traits;
mod unsafe_fns;
