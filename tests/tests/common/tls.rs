//! Gives rustls its provider, which reqwest needs once another package of the build turns TLS on.

/// Does nothing where there is one already.
pub(crate) fn provide() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
