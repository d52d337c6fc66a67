pub async fn generate(query: &str, tries: u32) -> Result<Answer, GenerationError> {
    #[allow(clippy::implicit_return)]
    return {
        ::breaker_core::__rt::Callable::call(
            ::breaker_core::__rt::declare_callsite!(
                entry "huggingface_api" true written "fail_max=5"
            ),
            async move {
                if false {
                    return ::breaker_core::__rt::never::<
                        Result<Answer, GenerationError>,
                    >();
                }
                #[allow(clippy::shadow_same)]
                let mut tries = tries;
                { client().generate(query, &mut tries).await }
            },
            |__error| {
                ::breaker_core::__rt::inspect(__error)
                    .__breaker_view()
                    .listed(
                        match __error {
                            _ if ::breaker_core::__rt::is::<
                                ValidationError,
                                _,
                                _,
                            >(__error) => ::breaker_core::__rt::Listed::Ignored,
                            _ => ::breaker_core::__rt::Listed::OrFailure,
                        },
                    )
            },
        )
    }
        .await;
}
