async fn generate(&self, user: UserId, query: &str) -> Result<Answer, GenerationError> {
    #[fallback(__taken_by_circuit_breaker)]
    const _: () = ();
    static __CACHE0: ::breaker_core::__rt::CacheCallsite = ::breaker_core::__rt::CacheCallsite::new(
        "cache",
    );
    let __store0 = ::breaker_core::__rt::cache_needs_the_feature_moka_of_breaker_core::new(
        &__CACHE0,
        || {},
        1000u32,
        ::breaker_core::__rt::duration(3600u64, 0u32),
    );
    let __value = (
        match &user {
            __part => {
                use ::breaker_core::__rt::{
                    Borrowed as _, TwiceBorrowed as _, Whole as _,
                };
                (&&&::breaker_core::__rt::Part(&__part)).__breaker_way().own(__part)
            }
        },
        match &query {
            __part => {
                use ::breaker_core::__rt::{
                    Borrowed as _, TwiceBorrowed as _, Whole as _,
                };
                (&&&::breaker_core::__rt::Part(&__part)).__breaker_way().own(__part)
            }
        },
    );
    let __key0 = __store0.key(__value);
    let __fresh = ::breaker_core::__rt::Fresh::new();
    let __ret = '__live: {
        let __fallen = '__gate: {
            let __permit = match ::breaker_core::__rt::declare_callsite!(
                enter "" true written ""
            ) {
                ::breaker_core::__rt::Ok(__permit) => __permit,
                ::breaker_core::__rt::Err(__rejected) => {
                    break '__gate <::breaker_core::__rt::FailedCall<
                        Result<Answer, GenerationError>,
                    >>::rejected(__rejected);
                }
            };
            #[allow(clippy::implicit_return)]
            let __out = ::breaker_core::__rt::Run {
                permit: &__permit,
                limit: ::breaker_core::__rt::None,
                body: async move {
                    if false {
                        let _ = &user;
                        return ::breaker_core::__rt::never::<
                            Result<Answer, GenerationError>,
                        >();
                    }
                    { self.client.generate(query).await }
                },
            }
                .await;
            let __out = match __out {
                ::breaker_core::__rt::Ok(__out) => __out,
                ::breaker_core::__rt::Err(__timed_out) => {
                    let __rejected = ::breaker_core::__rt::timed_out(
                        __permit,
                        __timed_out,
                    );
                    return ::breaker_core::__rt::reject::<_>(__rejected);
                }
            };
            match ::breaker_core::__rt::settle_or_fall(
                __permit,
                __out,
                &|__error| {
                    ::breaker_core::__rt::inspect(__error)
                        .__breaker_view()
                        .classified(::breaker_core::__rt::Outcome::failure())
                },
                (
                    ::breaker_core::__rt::On {
                        failure: false,
                        timeout: false,
                    },
                    &__fresh,
                ),
            ) {
                ::breaker_core::__rt::Ok(__ret) => break '__live __ret,
                ::breaker_core::__rt::Err(__fallen) => {
                    return __fallen.into_result(::breaker_core::__rt::from_rejection);
                }
            }
        };
        let __rejection = ::breaker_core::__rt::FailedCall::rejection(
            &__fallen,
            |__error| {
                use ::breaker_core::__rt::{ShowError as _, ShowNothing as _};
                (&::breaker_core::__rt::AsError(__error)).__breaker_error()
            },
        );
        if let ::breaker_core::__rt::Some(__stored) = __store0
            .cached::<Result<Answer, GenerationError>>(&__rejection, &__key0)
        {
            return ::breaker_core::__rt::serve::<
                Result<Answer, GenerationError>,
            >(&__rejection, "cache", &__stored, ::breaker_core::__rt::as_stored);
        }
        ::breaker_core::__rt::FallbackContext::declined(&__rejection);
        return __fallen.into_result(::breaker_core::__rt::from_rejection);
    };
    if let ::breaker_core::__rt::Some(__stored) = ::breaker_core::__rt::Fresh::answer::<
        Result<Answer, GenerationError>,
    >(&__fresh, &__ret) {
        __store0.keep(&__fresh, __key0, ::breaker_core::__rt::share(&__stored));
    }
    return __ret;
}
