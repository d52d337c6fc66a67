fn read(path: PathBuf, limit: usize) -> io::Result<Vec<u8>> {
    let __permit = match ::breaker_core::__rt::declare_callsite!(
        enter "" false written ""
    ) {
        ::breaker_core::__rt::Ok(__permit) => __permit,
        ::breaker_core::__rt::Err(__rejected) => {
            return ::breaker_core::__rt::reject::<_>(__rejected);
        }
    };
    let __out = ::breaker_core::__rt::run_sync2(
        &__permit,
        path,
        limit,
        |
            #[allow(clippy::shadow_reuse)]
            path,
            #[allow(clippy::shadow_reuse)]
            mut limit,
        | -> io::Result<Vec<u8>> { read_at_most(path, &mut limit) },
    );
    return ::breaker_core::__rt::settle(
        __permit,
        __out,
        &|__error| {
            ::breaker_core::__rt::inspect(__error)
                .__breaker_view()
                .listed(
                    match __error {
                        _ if ::breaker_core::__rt::ask(__error, is_missing) => {
                            ::breaker_core::__rt::Listed::Success
                        }
                        _ if ::breaker_core::__rt::fits(
                            {
                                use ::breaker_core::__rt::{
                                    ByChain as _, ByItself as _, ByTarget as _,
                                };
                                (&&&::breaker_core::__rt::Within(__error)).__breaker_way()
                            },
                            #[allow(
                                unreachable_patterns,
                                clippy::match_like_matches_macro,
                                clippy::wildcard_enum_match_arm,
                                clippy::match_wildcard_for_single_variants
                            )]
                            |__error| match __error {
                                Fault::Server { status: 500.., .. } => true,
                                _ => false,
                            },
                        ) => ::breaker_core::__rt::Listed::Failure,
                        _ => ::breaker_core::__rt::Listed::OrIgnored,
                    },
                )
        },
    );
}
