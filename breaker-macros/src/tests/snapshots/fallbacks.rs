async fn generate(&self, query: String) -> Result<Answer, GenerationError> {
    #[fallback(__taken_by_circuit_breaker)]
    const _: () = ();
    let __kept0 = query;
    #[allow(
        clippy::shadow_same,
        clippy::shadow_reuse,
        clippy::shadow_unrelated,
        clippy::used_underscore_binding,
        clippy::no_effect_underscore_binding
    )]
    let query;
    let __fallen = '__gate: {
        let __permit = match {
            ::breaker_core::__rt::timeout_needs_the_feature_tokio_of_breaker_core();
            ::breaker_core::__rt::declare_callsite!(
                enter "huggingface_api" true written "timeout=30s"
            )
        } {
            ::breaker_core::__rt::Ok(__permit) => __permit,
            ::breaker_core::__rt::Err(__rejected) => {
                #[allow(
                    clippy::shadow_same,
                    clippy::shadow_reuse,
                    clippy::shadow_unrelated,
                    clippy::used_underscore_binding,
                    clippy::no_effect_underscore_binding
                )]
                {
                    query = __kept0;
                }
                break '__gate <::breaker_core::__rt::FailedCall<
                    Result<Answer, GenerationError>,
                >>::rejected(__rejected);
            }
        };
        #[allow(
            clippy::shadow_same,
            clippy::shadow_reuse,
            clippy::shadow_unrelated,
            clippy::used_underscore_binding,
            clippy::no_effect_underscore_binding
        )]
        let query = {
            let __own = __kept0;
            query = ::breaker_core::__rt::copy(&__own);
            __own
        };
        #[allow(clippy::implicit_return)]
        let __out = ::breaker_core::__rt::Run {
            permit: &__permit,
            limit: ::breaker_core::__rt::None,
            body: async move {
                if false {
                    let _ = &query;
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
                let __rejected = ::breaker_core::__rt::timed_out(__permit, __timed_out);
                break '__gate <::breaker_core::__rt::FailedCall<
                    Result<Answer, GenerationError>,
                >>::timed_out(__rejected);
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
            ::breaker_core::__rt::On {
                failure: false,
                timeout: true,
            },
        ) {
            ::breaker_core::__rt::Ok(__ret) => return __ret,
            ::breaker_core::__rt::Err(__fallen) => break '__gate __fallen,
        }
    };
    let __rejection = ::breaker_core::__rt::FailedCall::rejection(
        &__fallen,
        |__error| {
            use ::breaker_core::__rt::{ShowError as _, ShowNothing as _};
            (&::breaker_core::__rt::AsError(__error)).__breaker_error()
        },
    );
    #[allow(
        clippy::shadow_same,
        clippy::shadow_reuse,
        clippy::shadow_unrelated,
        clippy::used_underscore_binding,
        clippy::no_effect_underscore_binding
    )]
    if let ::breaker_core::__rt::Some(__ret) = ::breaker_core::__rt::FallbackContext::timed(
            &__rejection,
            "l1_cache",
            ::breaker_core::__rt::None,
            ::breaker_core::__rt::Step::<
                Result<Answer, GenerationError>,
                _,
            >::take(Self::cached(self, ::breaker_core::__rt::copy(&query))),
        )
        .await
    {
        return ::breaker_core::__rt::FallbackContext::served(
            &__rejection,
            "l1_cache",
            __ret,
        );
    }
    #[allow(
        clippy::shadow_same,
        clippy::shadow_reuse,
        clippy::shadow_unrelated,
        clippy::used_underscore_binding,
        clippy::no_effect_underscore_binding
    )] #[allow(clippy::async_yields_async)]
    if let ::breaker_core::__rt::Some(__ret) = ::breaker_core::__rt::FallbackContext::timed(
            &__rejection,
            "excerpts",
            ::breaker_core::__rt::None,
            ::breaker_core::__rt::Step::<
                Result<Answer, GenerationError>,
                _,
            >::take(async {
                let rejection = &__rejection;
                self.excerpts(query, rejection).await
            }),
        )
        .await
    {
        return ::breaker_core::__rt::FallbackContext::served(
            &__rejection,
            "excerpts",
            __ret,
        );
    }
    ::breaker_core::__rt::FallbackContext::declined(&__rejection);
    return __fallen.into_result(::breaker_core::__rt::from_rejection);
}
