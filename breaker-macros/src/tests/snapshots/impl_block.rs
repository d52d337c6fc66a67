impl Client {
    fn get(&self, id: u32) -> Result<Item, ApiError> {
        let __permit = match ::breaker_core::__rt::declare_callsite!(
            enter { ::breaker_core::__rt::concat!("::",
            ::breaker_core::__rt::module_path!(), "::", "Client") } false written
            "fail_max=3; failure_rate=0.5"
        ) {
            ::breaker_core::__rt::Ok(__permit) => __permit,
            ::breaker_core::__rt::Err(__rejected) => {
                return ::breaker_core::__rt::reject::<_>(__rejected);
            }
        };
        let __out = ::breaker_core::__rt::run_sync1(
            &__permit,
            id,
            move |#[allow(clippy::shadow_reuse)] id| -> Result<Item, ApiError> {
                self.inner.get(id)
            },
        );
        return ::breaker_core::__rt::settle(
            __permit,
            __out,
            &|__error| {
                ::breaker_core::__rt::inspect(__error)
                    .__breaker_view()
                    .classified(::breaker_core::__rt::Outcome::failure())
            },
        );
    }
    fn parse(text: &str) -> Result<Item, ApiError> {
        text.parse()
    }
}
