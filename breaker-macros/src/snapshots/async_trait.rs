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
        if false {
            return ::breaker_core::__rt::never::<Result<Item, ApiError>>();
        }
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
                    return ::breaker_core::__rt::never::<Result<Item, ApiError>>();
                }
                {
                    let __self = self;
                    let id = id;
                    __self.client.get(id).await
                }
            },
        }
            .await;
        ::breaker_core::__rt::settle(
            __permit,
            __out,
            &|__error| {
                use ::breaker_core::__rt::{ShowNothing as _, ShowText as _};
                ::breaker_core::__rt::judged(
                    ::breaker_core::__rt::classify(__error),
                    (&::breaker_core::__rt::Seen(__error)).__breaker_text(),
                )
            },
        )
    })
}
