//! Measures our table of keyed breakers beside `quick_cache`, which could be in its place.

use crate::wall::Samples;
use allocation_counter::measure;
use breaker_benches::{Calls, MOST_HOSTS, QuickCache, call_each, hosts, keyed_calls};
use std::thread;
use std::time::Instant;

const CALLS: u64 = 200_000;
const MORE: usize = 10_000;

/// Known keys on one thread and on two, memory, and new keys when there is no room.
pub(crate) fn print() {
    println!("| keys | call, ns | call with `quick_cache` in its place | on 2 threads | on 2 threads, `quick_cache` |");
    println!("| ---: | ---: | ---: | ---: | ---: |");
    let all = hosts(0, MOST_HOSTS);
    let mut made = 0;
    for count in [1, 100, 10_000, MOST_HOSTS] {
        call_each(&all[made..count]);
        made = count;
        let subjects = [keyed_calls(&all[..count]), QuickCache::of(&all[..count]).calls(&all[..count])];
        let [one, two] = times(&subjects);
        println!("| {count} | {:.1} | {:.1} | {:.1} | {:.1} |", one[0], one[1], two[0], two[1]);
    }
    let mut cache = None;
    let bytes = measure(|| cache = Some(QuickCache::of(all))).bytes_current / MOST_HOSTS as i64;
    let new = hosts(MOST_HOSTS, MORE);
    let begun = Instant::now();
    call_each(new);
    let ours = begun.elapsed().as_nanos() / MORE as u128;
    let begun = Instant::now();
    if let Some(cache) = cache {
        cache.insert_each(new);
    }
    let theirs = begun.elapsed().as_nanos() / MORE as u128;
    println!("\nA new key when there is no room: {ours} ns with its call, {theirs} ns to insert into `quick_cache`.");
    println!("`quick_cache` takes {bytes} bytes for a key and its count.");
}

/// The least time of a call of each subject, on one thread and on two, in interleaved rounds.
fn times(subjects: &[Calls; 2]) -> [[f64; 2]; 2] {
    let mut samples = [[(); 2]; 2].map(|threads| threads.map(|()| Samples::default()));
    for _ in 0..11 {
        for (threads, samples) in samples.iter_mut().enumerate() {
            for (calls, samples) in subjects.iter().zip(samples) {
                let begun = Instant::now();
                thread::scope(|scope| {
                    for _ in 0..=threads {
                        scope.spawn(|| calls.run(CALLS));
                    }
                });
                samples.add(begun.elapsed(), CALLS);
            }
        }
    }
    samples.map(|threads| threads.map(|samples| samples.min()))
}
