#[allow(clippy::needless_pass_by_value)]
async fn send(&mut self, message: Message) -> Result<(), SendError> {
    #[retry(__taken_by_circuit_breaker)]
    const _: () = ();
    let mut __retry = ::breaker_core::__rt::retry_needs_the_feature_retry_of_breaker_core::of(
        ::breaker_core::__rt::Some(3u32),
        (
            ::breaker_core::__rt::Some(::breaker_core::__rt::duration(2u64, 0u32)),
            ::breaker_core::__rt::Some(::breaker_core::__rt::duration(10u64, 0u32)),
            ::breaker_core::__rt::None,
        ),
        (2f64, 0.1f64),
        ::breaker_core::__rt::None,
    );
    let __fallen = loop {
        let __fallen = '__gate: {
            let __permit = match ::breaker_core::__rt::declare_callsite!(
                enter_key "" true written ""::breaker_core::__rt::text(& self.host)
            ) {
                ::breaker_core::__rt::Ok(__permit) => __permit,
                ::breaker_core::__rt::Err(__rejected) => {
                    break '__gate <::breaker_core::__rt::FailedCall<
                        Result<(), SendError>,
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
            let message = ::breaker_core::__rt::repeat(&message);
            #[allow(clippy::implicit_return)]
            let __out = ::breaker_core::__rt::Run {
                permit: &__permit,
                limit: ::breaker_core::__rt::retry_needs_the_feature_retry_of_breaker_core::within(
                    &mut __retry,
                    &__permit,
                ),
                body: async {
                    if false {
                        return ::breaker_core::__rt::never::<Result<(), SendError>>();
                    }
                    let _ = &mut *self;
                    #[allow(clippy::shadow_same)]
                    let message = message;
                    { self.connection.send(message).await }
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
                    break '__gate <::breaker_core::__rt::FailedCall<
                        Result<(), SendError>,
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
                    failure: true,
                    timeout: true,
                },
            ) {
                ::breaker_core::__rt::Ok(__ret) => return __ret,
                ::breaker_core::__rt::Err(__fallen) => __fallen,
            }
        };
        let __pause = match ::breaker_core::__rt::retry_needs_the_feature_retry_of_breaker_core::again(
            &mut __retry,
            __fallen,
        ) {
            ::breaker_core::__rt::Ok(__pause) => __pause,
            ::breaker_core::__rt::Err(__fallen) => break __fallen,
        };
        __pause.pause().await;
    };
    return __fallen.into_result(::breaker_core::__rt::from_rejection);
}
