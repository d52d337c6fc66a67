//! Classifies the errors of the AWS SDK: `SdkError` of any operation, the errors of a service by
//! their code, and bodies that break off.

use super::io::never_left;
use super::retry_after::requested;
use super::subject::{self, Subject};
use crate::breaker::error::CircuitBreakerError;
use crate::breaker::error_chain::first_of;
use crate::classify::Classify;
use crate::machine::outcome::Outcome;
use ::aws_smithy_runtime_api_1::client::result::{ConnectorError, SdkError};
use ::aws_smithy_runtime_api_1::http::Response;
use ::aws_smithy_types_1::byte_stream::error::Error as ByteStreamError;
use ::aws_smithy_types_1::error::metadata::ProvideErrorMetadata;
use std::error::Error;
use std::fmt::Debug;

/// The preset for the AWS SDK (feature `aws-sdk`). It is for the `SdkError` of one operation, in a
/// box or an `anyhow::Error`. The operation's error has to be named:
/// `classify = presets::aws_sdk::<GetObjectError, _, _>`. A function that returns the `SdkError`
/// itself needs `classify` alone.
///
/// | error | counts as | why | seen with |
/// | --- | --- | --- | --- |
/// | any that comes from a `CircuitBreakerError` | as that | the service was not called | aws-sdk-s3 1.157 |
/// | `ConstructionFailure`, a `DispatchFailure` that `is_user` | ignored | the request cannot be made | aws-sdk-s3 1.157 |
/// | this machine has no port, descriptor or memory left | ignored | nothing was sent | aws-sdk-s3 1.157 |
/// | any other `DispatchFailure`, `TimeoutError`, `ResponseError`; no credentials found | failure | it cannot be reached, is too slow, or sends no answer that can be read | aws-sdk-s3 1.157 |
/// | `ServiceError` with a [code of throttling, timeout or credentials](aws_code), whatever the status | failure | AWS sends many of them as 400 | aws-sdk-s3 1.157 |
/// | any other `ServiceError` | as the [status](super::http_status), with its `Retry-After` | | aws-sdk-s3 1.157 |
/// | `ByteStreamError`, of `body.collect()` | failure | the body broke off, or came too slowly | aws-sdk-s3 1.157 |
///
/// The SDK itself tries up to three times, so one call of the breaker is up to three requests. It
/// has no time limit for an answer unless you set one. The body of an answer arrives after
/// `send()`: collect it in the annotated function. Otherwise its errors are not observed.
pub fn aws_sdk<E, S, Way>(of: &S) -> S::Said
where
    E: ProvideErrorMetadata + Error + 'static,
    S: Subject<Way>,
{
    of.classified(|error| known(error).or_else(|| subject::of::<SdkError<E, Response>>(error)))
}

/// What an error of a service counts as by its code alone. It is for errors without their response:
/// `aws_sdk_s3::Error` and similar types, in `#[classify(with = presets::aws_code)]`.
///
/// | code | counts as |
/// | --- | --- |
/// | `Throttling`, `ThrottlingException`, `ThrottledException`, `RequestThrottled`, `RequestThrottledException`, `TooManyRequests`, `TooManyRequestsException`, `ProvisionedThroughputExceededException`, `RequestLimitExceeded`, `BandwidthLimitExceeded`, `LimitExceededException`, `SlowDown`, `PriorRequestNotComplete`, `EC2ThrottledException` | failure: throttling, by the list that the SDK retries by |
/// | `RequestTimeout`, `RequestTimeoutException` | failure: it waited too long for the request |
/// | `InternalError`, `InternalFailure`, `InternalServerError`, `InternalServiceError`, `ServiceUnavailable`, `ServiceUnavailableException` | failure: it says so itself |
/// | `InvalidAccessKeyId`, `InvalidClientTokenId`, `UnrecognizedClientException`, `SignatureDoesNotMatch`, `InvalidSignatureException`, `ExpiredToken`, `ExpiredTokenException`, `InvalidToken`, `RequestExpired`, `RequestTimeTooSkewed`, `AuthFailure` | failure: with these credentials, or this clock, no call is answered |
/// | any other | success |
/// | none | failure: the service sent no answer that can be read |
pub fn aws_code(error: &impl ProvideErrorMetadata) -> Outcome {
    match error.code() {
        Some(code) if !blames_the_service(code) => Outcome::success(),
        _ => Outcome::failure(),
    }
}

fn blames_the_service(code: &str) -> bool {
    const CODES: &[&str] = &[
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequests",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "SlowDown",
        "PriorRequestNotComplete",
        "EC2ThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidToken",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "AuthFailure",
    ];
    CODES.contains(&code)
}

impl<E, B> Classify for SdkError<E, Response<B>>
where
    E: ProvideErrorMetadata + Error + 'static,
    B: Debug,
{
    fn classify(&self) -> Outcome {
        let behind = self.source();
        if let Some(error) = behind.and_then(CircuitBreakerError::find) {
            return error.classify();
        }
        match self {
            Self::ConstructionFailure(_) => Outcome::ignored(),
            Self::ServiceError(answer) => of_answer(answer.err(), answer.raw()),
            _ => behind.map_or(Outcome::failure(), of_dispatch),
        }
    }
}

fn of_dispatch(error: &(dyn Error + 'static)) -> Outcome {
    let own = first_of(error).is_some_and(ConnectorError::is_user) || never_left(error);
    if own { Outcome::ignored() } else { Outcome::failure() }
}

fn of_answer<B>(error: &impl ProvideErrorMetadata, response: &Response<B>) -> Outcome {
    let blamed = error.code().is_some_and(blames_the_service);
    let outcome = if blamed { Outcome::failure() } else { super::status::http_status(&response.status().as_u16()) };
    match (outcome, requested(|name| response.headers().get(name))) {
        (Outcome::Failure { .. }, Some(span)) => Outcome::failure_with_retry_after(span),
        (outcome, _) => outcome,
    }
}

impl Classify for ByteStreamError {
    fn classify(&self) -> Outcome {
        match CircuitBreakerError::find(self) {
            Some(error) => error.classify(),
            None => of_dispatch(self),
        }
    }
}

impl Classify for ConnectorError {
    fn classify(&self) -> Outcome {
        match CircuitBreakerError::find(self) {
            Some(error) => error.classify(),
            None => of_dispatch(self),
        }
    }
}

pub(super) fn known(error: &(dyn Error + 'static)) -> Option<Outcome> {
    subject::of::<ByteStreamError>(error).or_else(|| subject::of::<ConnectorError>(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::aws_smithy_runtime_api_1::http::StatusCode;
    use ::aws_smithy_types_1::error::metadata::ErrorMetadata;
    use std::io;
    use std::time::Duration;

    type Sdk = SdkError<ErrorMetadata, Response<()>>;

    fn coded(code: &str) -> ErrorMetadata {
        ErrorMetadata::builder().code(code).build()
    }

    fn answered(status: u16, code: &str) -> Sdk {
        Sdk::service_error(coded(code), Response::new(StatusCode::try_from(status).unwrap(), ()))
    }

    #[test]
    fn an_answer_counts_by_its_code_and_its_status() {
        for (status, code, expected) in [
            (503, "SlowDown", Outcome::failure()),
            (500, "Whatever", Outcome::failure()),
            (429, "Whatever", Outcome::failure()),
            (400, "RequestTimeout", Outcome::failure()),
            (400, "ThrottlingException", Outcome::failure()),
            (400, "ExpiredTokenException", Outcome::failure()),
            (403, "InvalidAccessKeyId", Outcome::failure()),
            (403, "AccessDenied", Outcome::success()),
            (404, "NoSuchKey", Outcome::success()),
            (400, "ValidationException", Outcome::success()),
            (301, "PermanentRedirect", Outcome::success()),
        ] {
            assert_eq!(answered(status, code).classify(), expected, "{status} {code}");
        }
    }

    #[test]
    fn a_failure_keeps_its_retry_after() {
        let mut response = Response::new(StatusCode::try_from(503).unwrap(), ());
        response.headers_mut().insert("retry-after", "7");
        let error = Sdk::service_error(coded("SlowDown"), response);
        assert_eq!(error.classify(), Outcome::failure_with_retry_after(Duration::from_secs(7)));
    }

    #[test]
    fn what_never_left_is_ignored_and_what_broke_off_a_failure() {
        let dispatch = |error| Sdk::dispatch_failure(error);
        let refused = || Box::new(io::Error::from(io::ErrorKind::ConnectionRefused));
        let no_address = Box::new(io::Error::from(io::ErrorKind::AddrInUse));
        for (error, expected) in [
            (Sdk::construction_failure("no bucket"), Outcome::ignored()),
            (dispatch(ConnectorError::user(refused())), Outcome::ignored()),
            (dispatch(ConnectorError::io(no_address)), Outcome::ignored()),
            (dispatch(ConnectorError::io(refused())), Outcome::failure()),
            (dispatch(ConnectorError::timeout(refused())), Outcome::failure()),
            (Sdk::timeout_error("too long"), Outcome::failure()),
            (Sdk::response_error("garbage", Response::new(StatusCode::try_from(200).unwrap(), ())), Outcome::failure()),
        ] {
            assert_eq!(error.classify(), expected, "{error:?}");
        }
    }

    #[test]
    fn a_box_is_searched_for_the_named_operation() {
        type Boxed = Box<dyn Error + Send + Sync>;
        let response =
            || Response::new(StatusCode::try_from(404).unwrap(), ::aws_smithy_types_1::body::SdkBody::empty());
        let missing: Boxed = SdkError::<_, Response>::service_error(coded_error("NoSuchKey"), response()).into();
        assert_eq!(aws_sdk::<Coded, _, _>(&missing), Outcome::success());
        let throttled: Boxed = SdkError::<_, Response>::service_error(coded_error("SlowDown"), response()).into();
        assert_eq!(aws_sdk::<Coded, _, _>(&Err::<(), _>(throttled)), Outcome::failure());
    }

    #[test]
    fn a_code_alone_counts_by_the_table() {
        assert_eq!(aws_code(&coded("NoSuchKey")), Outcome::success());
        assert_eq!(aws_code(&coded("Throttling")), Outcome::failure());
        assert_eq!(aws_code(&ErrorMetadata::builder().build()), Outcome::failure());
    }

    #[derive(Debug)]
    struct Coded(ErrorMetadata);

    fn coded_error(code: &str) -> Coded {
        Coded(coded(code))
    }

    impl std::fmt::Display for Coded {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("coded")
        }
    }

    impl Error for Coded {}

    impl ProvideErrorMetadata for Coded {
        fn meta(&self) -> &ErrorMetadata {
            &self.0
        }
    }
}
