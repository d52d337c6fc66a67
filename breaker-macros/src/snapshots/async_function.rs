pub async fn generate(query: &str, tries: u32) -> Result<Answer, GenerationError> {
    let mut __entry = ::breaker_core::__rt::site!(
        entry[Some("huggingface_api")] true[new().fail_max(5u32)]
    );
    let __ended = ::breaker_core::__rt::Call {
        entry: &mut __entry,
        body: async move {
            if false {
                return ::breaker_core::__rt::never::<Result<Answer, GenerationError>>();
            }
            #[allow(clippy::shadow_same)]
            let mut tries = tries;
            { client().generate(query, &mut tries).await }
        },
    }
        .await;
    ::breaker_core::__rt::conclude(
        __ended,
        &mut __entry,
        |__error| {
            (
                match __error {
                    _ if ::breaker_core::__rt::is::<ValidationError, _, _>(__error) => {
                        ::breaker_core::__rt::Outcome::neutral()
                    }
                    _ => ::breaker_core::__rt::Outcome::failure(),
                },
                ::breaker_core::__rt::Seen(__error).__breaker_text(),
            )
        },
    )
}
