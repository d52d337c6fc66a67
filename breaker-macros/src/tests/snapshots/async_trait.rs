fn get<'life0, 'async_trait>(
    &'life0 self,
    id: u32,
) -> ::core::pin::Pin<
    Box<
        dyn ::core::future::Future<Output = Result<Item, ApiError>> + Send + 'async_trait,
    >,
>
where
    'life0: 'async_trait,
    Self: 'async_trait,
{
    Box::pin(async move {
        #[allow(clippy::implicit_return)]
        return {
            ::breaker_core::__rt::call_with_value::<
                _,
                _,
                _,
            >(
                ::breaker_core::__rt::declare_callsite!(entry "" true written ""),
                async move {
                    if false {
                        return ::breaker_core::__rt::never::<Result<Item, ApiError>>();
                    }
                    {
                        let __self = self;
                        let id = id;
                        __self.client.get(id).await
                    }
                },
                |__error| {
                    let mut __view = ::breaker_core::__rt::inspect(__error)
                        .__breaker_view();
                    let __outcome = __view
                        .__breaker_by_itself(::breaker_core::__rt::classify(__error));
                    (__outcome, __view)
                },
                |__value| {
                    (
                        {
                            use ::breaker_core::__rt::{ByOk as _, BySelf as _};
                            (&::breaker_core::__rt::Valued(__value)).__breaker_outcome()
                        },
                        ::breaker_core::__rt::inspect(__value)
                            .__breaker_view()
                            .or_status({
                                use ::breaker_core::__rt::{ByNoStatus as _, ByStatus as _};
                                (&::breaker_core::__rt::Valued(__value)).__breaker_status()
                            }),
                    )
                },
            )
        }
            .await;
    })
}
