//! `unsafe fn`, with and without an ABI. Nothing here does what would need the `unsafe`.

use breaker_core::{circuit_breaker, fallback};

use crate::check::{guards, now, upstream, Fault};

#[test]
fn async_unsafe() {
    #[circuit_breaker]
    async unsafe fn asynchronous(n: *const u8) -> Result<bool, Fault> {
        upstream()?;
        Ok(n.is_null())
    }
    assert!(guards(|| now(unsafe { asynchronous(std::ptr::null()) })));
}

#[test]
fn unsafe_extern_rust() {
    #[circuit_breaker]
    #[fallback(|_| (n > 100).then_some(n))]
    unsafe extern "Rust" fn synchronous(n: u8) -> Result<u8, Fault> {
        Ok(n * upstream()?)
    }
    assert_eq!(guards(|| unsafe { synchronous(2) }), 2);
    assert_eq!(unsafe { synchronous(101) }, Ok(101));
}

#[test]
fn unsafe_methods() {
    trait Unsafe {
        unsafe fn call(&self) -> Result<u8, Fault>;
    }
    struct Client;
    impl Unsafe for Client {
        #[circuit_breaker]
        unsafe fn call(&self) -> Result<u8, Fault> {
            upstream()
        }
    }
    guards(|| unsafe { Client.call() });
}

#[test]
fn an_unsafe_impl_block() {
    #[allow(clippy::missing_safety_doc, reason = "there is nothing to keep")]
    unsafe trait Unsafe {
        fn call(&self) -> Result<u8, Fault>;
    }
    struct Client;
    #[circuit_breaker]
    unsafe impl Unsafe for Client {
        fn call(&self) -> Result<u8, Fault> {
            upstream()
        }
    }
    guards(|| Client.call());
}

/// A closure and an async block are in the context of their function.
#[test]
#[allow(unsafe_op_in_unsafe_fn, reason = "edition 2024 warns of it, with and without the attribute")]
fn unsafe_operations_in_the_body_without_a_block() {
    #[circuit_breaker]
    async unsafe fn read(n: *const u8) -> Result<u8, Fault> {
        upstream()?;
        Ok(*n)
    }
    #[circuit_breaker]
    unsafe fn sync_read(n: *const u8) -> Result<u8, Fault> {
        upstream()?;
        Ok(*n)
    }
    let n = 3;
    assert_eq!(guards(|| now(unsafe { read(&raw const n) })), 3);
    assert_eq!(guards(|| unsafe { sync_read(&raw const n) }), 3);
}
