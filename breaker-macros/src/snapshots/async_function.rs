pub async fn generate(query: &str, tries: u32) -> Result<Answer, GenerationError> {
    let __permit = match {
        static __BREAKER_SITE: ::breaker_core::__rt::Site = ::breaker_core::__rt::Site::new(
            ::breaker_core::__rt::Some("huggingface_api"),
            {
                enum __Here {}
                ::breaker_core::__rt::type_name::<__Here>
            },
            true,
            ::breaker_core::__rt::Config::new().fail_max(5u32),
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
                return ::breaker_core::__rt::never::<Result<Answer, GenerationError>>();
            }
            #[allow(
                clippy::shadow_same,
                clippy::used_underscore_binding,
                clippy::no_effect_underscore_binding
            )]
            let mut tries = tries;
            { client().generate(query, &mut tries).await }
        },
    }
        .await;
    ::breaker_core::__rt::settle(
        __permit,
        __out,
        &|__error| {
            use ::breaker_core::__rt::{ShowNothing as _, ShowText as _};
            ::breaker_core::__rt::judged(
                match __error {
                    _ if ::breaker_core::__rt::is::<ValidationError, _, _>(__error) => {
                        ::breaker_core::__rt::Outcome::neutral()
                    }
                    _ => ::breaker_core::__rt::Outcome::failure(),
                },
                (&::breaker_core::__rt::Seen(__error)).__breaker_text(),
            )
        },
    )
}
