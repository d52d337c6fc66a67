//! What must compile, and what each mistake is told as. The words are those of the toolchain in `rust-toolchain.toml`;
//! `TRYBUILD=overwrite cargo test -p breaker-tests --test ui` writes them anew.

#[test]
fn what_must_compile_does_and_each_mistake_is_told_at_its_token() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
}
