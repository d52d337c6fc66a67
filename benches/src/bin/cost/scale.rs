//! Measures many tasks on one breaker, many breakers of one function, and many named breakers.

use crate::wall::Samples;
use allocation_counter::measure;
use breaker_benches::{Calls, Case, MOST_HOSTS, call_each, hosts, keyed_calls, map_calls, subject};
use breaker_core::{CircuitBreaker, Config, ConfigErrors, Registry};
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};

/// The number of calls that all tasks make together.
const CALLS: u64 = 262_144;
/// A task yields to the others after this number of calls.
const TURN: u64 = 64;

/// 1 to 64 tasks that call one function, on one thread and on two.
pub(crate) fn tasks(rounds: usize) -> Result<(), String> {
    let subjects =
        ["bare", "attribute"].map(|name| subject(name).and_then(|subject| subject.calls(Case::Ok)).map(Arc::new));
    let [Some(bare), Some(ours)] = subjects else { return Err("there is no `bare` or no `attribute`".to_owned()) };
    println!("| tasks | bare, 1 thread | attribute, 1 thread | bare, 2 threads | attribute, 2 threads |");
    println!("| ---: | ---: | ---: | ---: | ---: |");
    for tasks in [1, 2, 4, 8, 16, 32, 64] {
        let mut samples = vec![Samples::default(); 4];
        for _ in 0..rounds {
            let ways = [(1, &bare), (1, &ours), (2, &bare), (2, &ours)];
            for ((threads, calls), samples) in ways.into_iter().zip(&mut samples) {
                round(&runtime(threads)?, tasks, calls, samples);
            }
        }
        let shown: Vec<_> = samples.iter().map(|one| format!("{:.1}", one.median())).collect();
        println!("| {tasks} | {} |", shown.join(" | "));
    }
    Ok(())
}

fn runtime(threads: usize) -> Result<Runtime, String> {
    Builder::new_multi_thread().worker_threads(threads).build().map_err(|error| error.to_string())
}

/// All calls of one round, divided among N tasks.
fn round(runtime: &Runtime, tasks: u64, calls: &Arc<Calls>, samples: &mut Samples) {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            let (calls, turns) = (Arc::clone(calls), CALLS / TURN / tasks);
            runtime.spawn(async move {
                for _ in 0..turns {
                    calls.run(TURN);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    runtime.block_on(async {
        for task in tasks {
            task.await.expect("a task ends");
        }
    });
    samples.add(begun.elapsed(), CALLS);
}

/// 1 to 100,000 breakers of one function, and each by itself.
pub(crate) fn keys() -> Result<(), String> {
    // The first call creates the registry.
    subject("attribute").and_then(|subject| subject.calls(Case::Ok)).ok_or("there is no `attribute`")?.run(1);
    println!("| breakers | bytes each | ns to make one | ns of a call | ns with a `HashMap` in its place |");
    println!("| ---: | ---: | ---: | ---: | ---: |");
    let all = hosts(0, MOST_HOSTS);
    let (mut made, mut bytes) = (0, 0);
    for count in [1, 10, 100, 1_000, 10_000, MOST_HOSTS] {
        let begun = Instant::now();
        bytes += measure(|| call_each(&all[made..count])).bytes_current;
        let making = begun.elapsed().as_nanos() / (count - made) as u128;
        made = count;
        let [ours, map] = [keyed_calls(&all[..count]), map_calls(&all[..count])].map(|calls| call_time(&calls).min());
        println!("| {count} | {} | {making} | {ours:.1} | {map:.1} |", bytes / count as i64);
    }
    evict();
    println!("\n| a breaker without a key | bytes |\n| --- | ---: |");
    for (what, config) in [
        ("`Config::new()`", Config::new()),
        ("`failure_rate(0.5)`", Config::new().failure_rate(0.5)),
        ("`failure_rate(0.5).window_calls(100_000)`", Config::new().failure_rate(0.5).window_calls(100_000)),
    ] {
        let mut idle = None;
        let bytes = measure(|| idle = CircuitBreaker::new("idle", config).ok()).bytes_current;
        println!("| {what} | {bytes} |");
        drop(idle);
    }
    Ok(())
}

/// 100 to 10,000 breakers by name, each with a variable, and the cost of unrelated variables.
pub(crate) fn names() -> Result<(), String> {
    println!("| breakers | µs to make one | µs of `reload` for each |\n| ---: | ---: | ---: |");
    for count in [100, 1_000, 10_000] {
        let (mut making, mut reloading) = (0.0, 0.0);
        // Enough for a clock that ticks every few milliseconds.
        let rounds = 200_000 / count;
        for _ in 0..rounds {
            let registry = Registry::new();
            let problem = |error: ConfigErrors| error.to_string();
            registry.load_env_from(variables("TENANT", count)).map_err(problem)?;
            let names: Vec<_> = (0..count).map(|n| format!("tenant_{n}")).collect();
            let begun = on_cpu()?;
            for name in &names {
                registry.breaker(name, Config::new()).map_err(|error| error.to_string())?;
            }
            making += (on_cpu()? - begun) / 1e3 / (rounds * count) as f64;
            let begun = on_cpu()?;
            registry.reload().map_err(problem)?;
            reloading += (on_cpu()? - begun) / 1e3 / (rounds * count) as f64;
        }
        println!("| {count} | {making:.1} | {reloading:.1} |");
    }
    println!("\n| `load_env` of 100 breakers | ms |\n| --- | ---: |");
    for (what, prefix) in
        [("variables of other breakers", "OTHER"), ("variables of these breakers", "TENANT_1_CIRCUIT")]
    {
        let registry = Registry::new();
        for n in 0..100 {
            registry.breaker(&format!("tenant_{n}"), Config::new()).map_err(|error| error.to_string())?;
        }
        let variables: Vec<_> = variables(prefix, 100_000).collect();
        let begun = on_cpu()?;
        // The registry reports problems. Only the time counts here.
        drop(registry.load_env_from(variables));
        println!("| 100000 {what} | {:.0} |", (on_cpu()? - begun) / 1e6);
    }
    Ok(())
}

fn variables(prefix: &str, count: usize) -> impl Iterator<Item = (String, &'static str)> {
    (0..count).map(move |n| (format!("{prefix}_{n}_CIRCUIT_FAIL_MAX"), "7"))
}

/// The processor time of this thread, in nanoseconds. Other programs interrupt a long measurement,
/// but not a short one.
fn on_cpu() -> Result<f64, String> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").map_err(|error| error.to_string())?;
    let nanos = told.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.ok_or_else(|| "the kernel does not tell how long a thread ran".to_owned())
}

/// A call to each host in turn. Other programs can only add to the time.
fn call_time(calls: &Calls) -> Samples {
    const CALLS: u64 = 200_000;
    let mut samples = Samples::default();
    for _ in 0..11 {
        let begun = Instant::now();
        calls.run(CALLS);
        samples.add(begun.elapsed(), CALLS);
    }
    samples
}

/// New keys while the number of breakers is at its limit.
fn evict() {
    const MORE: usize = 10_000;
    let new = hosts(MOST_HOSTS, MORE);
    let begun = Instant::now();
    let bytes = measure(|| call_each(new)).bytes_current;
    let each = begun.elapsed().as_nanos() / MORE as u128;
    println!("| {MOST_HOSTS}, and {MORE} new keys | {bytes} in all | {each} | | |");
}
