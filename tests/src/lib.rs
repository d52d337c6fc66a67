//! Runs the examples of the README and of the guide as doctests; the tests are in `tests/`.

/// Pages whose examples need a client are in `tests/clients`, and `migrating` is in `compare`.
#[cfg(doctest)]
macro_rules! pages {
    ($($page:ident)*) => {$(
        #[doc = include_str!(concat!("../../docs/guide/", stringify!($page), ".md"))]
        mod $page {}
    )*};
}

#[cfg(doctest)]
pages! {
    getting_started failures settings reference fallbacks retries configuration keys streams testing operating
    troubleshooting dashboard libraries without_axum
    bulkhead nested_calls
}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
