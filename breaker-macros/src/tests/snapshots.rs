//! Compares the expansions of typical functions with the files in `snapshots/`.
//!
//! `UPDATE_EXPECT=1 cargo test -p breaker-macros` writes these files again.

use expect_test::{ExpectFile, expect_file};
use proc_macro2::TokenStream;
use quote::quote;

use crate::{expand, impl_block, validate};

fn assert_expands(args: TokenStream, item: TokenStream, expected: &ExpectFile) {
    let plan = validate::plan(args, item).unwrap_or_else(|error| panic!("{error}"));
    assert_is(expand::expand(&plan), expected);
}

fn assert_is(tokens: TokenStream, expected: &ExpectFile) {
    let file = syn::parse2(tokens).unwrap_or_else(|error| panic!("{error}"));
    expected.assert_eq(&prettyplease::unparse(&file));
}

#[test]
fn an_async_function() {
    assert_expands(
        quote!(name = "huggingface_api", fail_max = 5, exclude(ValidationError)),
        quote!(
            pub async fn generate(query: &str, mut tries: u32) -> Result<Answer, GenerationError> {
                client().generate(query, &mut tries).await
            }
        ),
        &expect_file!["snapshots/async_function.rs"],
    );
}

#[test]
fn a_function_that_is_not_async() {
    assert_expands(
        quote!(success(is_missing), include(Fault::Server { status: 500.., .. })),
        quote!(
            fn read(path: PathBuf, mut limit: usize) -> io::Result<Vec<u8>> {
                read_at_most(path, &mut limit)
            }
        ),
        &expect_file!["snapshots/sync_function.rs"],
    );
}

#[test]
fn a_method_with_fallbacks() {
    assert_expands(
        quote!(name = "huggingface_api", timeout = "30s"),
        quote!(
            #[fallback(l1_cache = Self::cached, excerpts = |rejection| self.excerpts(query, rejection).await, on(open, timeout))]
            async fn generate(&self, query: String) -> Result<Answer, GenerationError> {
                self.client.generate(query).await
            }
        ),
        &expect_file!["snapshots/fallbacks.rs"],
    );
}

#[test]
fn a_method_with_a_cache() {
    assert_expands(
        quote!(),
        quote!(
            #[fallback(cache(key = (user, query), ttl = "1h"))]
            async fn generate(&self, user: UserId, query: &str) -> Result<Answer, GenerationError> {
                self.client.generate(query).await
            }
        ),
        &expect_file!["snapshots/cache.rs"],
    );
}

#[test]
fn a_method_with_attempts() {
    assert_expands(
        quote!(key = self.host),
        quote!(
            #[retry(attempts = 3, min = "2s", max = "10s")]
            async fn send(&mut self, message: Message) -> Result<(), SendError> {
                self.connection.send(message).await
            }
        ),
        &expect_file!["snapshots/retry.rs"],
    );
}

#[test]
fn a_method_of_an_async_trait() {
    assert_expands(
        quote!(classify),
        quote!(
            fn get<'life0, 'async_trait>(
                &'life0 self,
                id: u32,
            ) -> ::core::pin::Pin<Box<dyn ::core::future::Future<Output = Result<Item, ApiError>> + Send + 'async_trait>>
            where
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                Box::pin(async move {
                    let __self = self;
                    let id = id;
                    __self.client.get(id).await
                })
            }
        ),
        &expect_file!["snapshots/async_trait.rs"],
    );
}

#[test]
fn a_stream() {
    assert_expands(
        quote!(stream),
        quote!(
            async fn chat(&self, prompt: &str) -> Result<impl Stream<Item = Result<Bytes, ApiError>>, ApiError> {
                self.client.chat(prompt).await
            }
        ),
        &expect_file!["snapshots/stream.rs"],
    );
}

#[test]
fn an_impl_block() {
    assert_is(
        impl_block::expand(
            &quote!(fail_max = 3, failure_rate = 0.5),
            &quote!(
                impl Client {
                    fn get(&self, id: u32) -> Result<Item, ApiError> {
                        self.inner.get(id)
                    }

                    #[circuit_breaker(skip)]
                    fn parse(text: &str) -> Result<Item, ApiError> {
                        text.parse()
                    }
                }
            ),
        ),
        &expect_file!["snapshots/impl_block.rs"],
    );
}
