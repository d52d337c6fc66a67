async fn chat(
    &self,
    prompt: &str,
) -> Result<impl Stream<Item = Result<Bytes, ApiError>>, ApiError> {
    let __permit = match ::breaker_core::__rt::declare_callsite!(
        enter "" true written ""
    ) {
        ::breaker_core::__rt::Ok(__permit) => __permit,
        ::breaker_core::__rt::Err(__rejected) => {
            return ::breaker_core::__rt::reject::<_>(__rejected);
        }
    };
    #[allow(clippy::implicit_return)]
    let __out = ::breaker_core::__rt::Run {
        permit: &__permit,
        limit: ::breaker_core::__rt::None,
        body: async move {
            if false {
                return ::breaker_core::__rt::never::<Result<_, ApiError>>();
            }
            { self.client.chat(prompt).await }
        },
    }
        .await;
    let __out = match __out {
        ::breaker_core::__rt::Ok(__out) => __out,
        ::breaker_core::__rt::Err(__timed_out) => {
            let __rejected = ::breaker_core::__rt::timed_out(__permit, __timed_out);
            return ::breaker_core::__rt::reject::<_>(__rejected);
        }
    };
    return ::breaker_core::__rt::stream_needs_the_feature_stream_of_breaker_core::settle_stream::<
        _,
        Result<Bytes, ApiError>,
        _,
    >(
        __permit,
        __out,
        &|__error| {
            ::breaker_core::__rt::inspect(__error)
                .__breaker_view()
                .classified(::breaker_core::__rt::Outcome::failure())
        },
        |__error| {
            ::breaker_core::__rt::inspect(__error)
                .__breaker_view()
                .classified(::breaker_core::__rt::Outcome::failure())
        },
        ::breaker_core::__rt::stream_needs_the_feature_stream_of_breaker_core::no_rules(),
    );
}
