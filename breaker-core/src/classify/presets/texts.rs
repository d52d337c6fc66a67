//! Recognises errors of HTTP clients by their text, since their types are private.

use crate::breaker::error_chain::chain;
use std::error::Error;

/// Whether a text of the chain is one of these.
fn says(error: &(dyn Error + 'static), texts: &[&str]) -> bool {
    chain(error).any(|error| texts.contains(&error.to_string().as_str()))
}

/// Whether the client cannot send what it was given, whatever the service. That is an incomplete
/// address, TLS that is not set up, or an invalid user agent. It is also an unsupported method or
/// version, or a local address that this machine does not have.
pub(super) fn cannot_be_sent(error: &(dyn Error + 'static)) -> bool {
    says(
        error,
        &[
            "invalid URL, scheme is not http",
            "invalid URL, scheme is missing",
            "invalid URL, host is missing",
            "invalid URI",
            "user agent is not a valid header value",
            "Connecting to HTTPS without TLS enabled",
            "tcp bind local error",
            "client error (UserUnsupportedRequestMethod)",
            "client error (UserUnsupportedVersion)",
            "client error (UserAbsoluteUriRequired)",
        ],
    )
}

/// Whether a connection was to switch to another protocol, and the answer did not agree.
#[cfg(any(feature = "reqwest-0-12", feature = "reqwest-0-13"))]
pub(super) fn not_upgraded(error: &(dyn Error + 'static)) -> bool {
    says(error, &["no upgrade available"])
}

/// Whether the proxy of an `https` URL asks for other credentials.
#[cfg(any(feature = "hyper-util-0-1", feature = "reqwest-0-12", feature = "reqwest-0-13"))]
pub(super) fn proxy_refuses(error: &(dyn Error + 'static)) -> bool {
    // Earlier releases of reqwest 0.12 have the second text.
    says(error, &["tunnel error: proxy authorization required", "proxy authentication required"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn a_text_is_found_behind_an_error() {
        let behind = |text: &str| io::Error::other(io::Error::other(text.to_owned()));
        assert!(cannot_be_sent(&behind("invalid URL, scheme is missing")));
        assert!(cannot_be_sent(&behind("Connecting to HTTPS without TLS enabled")));
        assert!(cannot_be_sent(&behind("client error (UserUnsupportedVersion)")));
        assert!(cannot_be_sent(&behind("tcp bind local error")));
        assert!(!cannot_be_sent(&behind("client error (Connect)")));
        assert!(!cannot_be_sent(&behind("tcp connect error")));
    }

    #[test]
    #[cfg(any(feature = "hyper-util-0-1", feature = "reqwest-0-12", feature = "reqwest-0-13"))]
    fn an_answer_of_a_proxy_is_known_in_each_version() {
        for text in ["tunnel error: proxy authorization required", "proxy authentication required"] {
            assert!(proxy_refuses(&io::Error::other(text)));
        }
        assert!(!proxy_refuses(&io::Error::other("tunnel error: unsuccessful")));
    }
}
