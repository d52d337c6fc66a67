//! A reload and a load at one moment.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_core::{Config, Registry};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

/// The reload reads the former file, which is a pipe here and so takes as long as we like, while
/// somebody loads another one.
#[test]
fn a_file_that_is_loaded_while_a_reload_reads_the_former_one_stands() {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (former, other) = (place.join("former.toml"), place.join("other.toml"));
    let _ = fs::remove_file(&former);
    fs::write(&former, "").unwrap();
    fs::write(&other, "[breakers.api]\nfail_max = 3\n").unwrap();
    let registry = Registry::new();
    registry.load_env_from([("", ""); 0]).unwrap();
    let breaker = registry.breaker("api", Config::new()).unwrap();
    registry.load_file(&former).unwrap();
    fs::remove_file(&former).unwrap();
    assert!(Command::new("mkfifo").arg(&former).status().unwrap().success());
    thread::scope(|scope| {
        scope.spawn(|| registry.reload().unwrap());
        // It opens once the reload has opened it too.
        let mut pipe = fs::OpenOptions::new().write(true).open(&former).unwrap();
        let load = scope.spawn(|| registry.load_file(&other).unwrap());
        // As much time as it needs, unless it waits for the reload.
        (0..100_000).take_while(|_| !load.is_finished()).for_each(|_| thread::yield_now());
        pipe.write_all(b"[breakers.api]\nfail_max = 7\n").unwrap();
    });
    assert_eq!(breaker.settings().fail_max, Some(3));
    fs::write(&other, "[breakers.api]\nfail_max = 4\n").unwrap();
    registry.reload().unwrap();
    assert_eq!(breaker.settings().fail_max, Some(4));
}
