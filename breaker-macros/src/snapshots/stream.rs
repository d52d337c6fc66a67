async fn chat(
    &self,
    prompt: &str,
) -> Result<impl Stream<Item = Result<Bytes, ApiError>>, ApiError> {
    let __permit = match {
        static __BREAKER_SITE: ::breaker_core::__rt::Site = ::breaker_core::__rt::Site::new(
            ::breaker_core::__rt::None,
            {
                enum __Here {}
                ::breaker_core::__rt::type_name::<__Here>
            },
            true,
            ::breaker_core::__rt::Config::new(),
        );
        ::breaker_core::__rt::register!(__BREAKER_SITE);
        ::breaker_core::__rt::Site::enter(&__BREAKER_SITE)
    } {
        ::breaker_core::__rt::Ok(__permit) => __permit,
        ::breaker_core::__rt::Err(__rejected) => {
            return ::breaker_core::__rt::reject::<_>(__rejected);
        }
    };
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
    ::breaker_core::__rt::stream_needs_the_feature_stream_of_breaker_core::settle_stream(
        __permit,
        __out,
        &|__error| {
            use ::breaker_core::__rt::{ShowNothing as _, ShowText as _};
            ::breaker_core::__rt::judged(
                ::breaker_core::__rt::Outcome::failure(),
                (&::breaker_core::__rt::Seen(__error)).__breaker_text(),
            )
        },
        |__error| {
            use ::breaker_core::__rt::{ShowNothing as _, ShowText as _};
            ::breaker_core::__rt::judged(
                ::breaker_core::__rt::Outcome::failure(),
                (&::breaker_core::__rt::Seen(__error)).__breaker_text(),
            )
        },
    )
}
