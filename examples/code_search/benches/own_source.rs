//! Measures how long the code search takes to index and search this project.
//!
//! `scripts/bench-search` runs it.
//!
//! It uses a new SQLite file and no Redis, or what `DATABASE_URL` and `REDIS_URL` name. It leaves
//! what is in that database.
#![expect(clippy::print_stdout, reason = "a bench shows what it measured")]

use std::{
    env,
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use breaker_code_search::{
    cascade::Level,
    config::SearchConfig,
    indexing::{Answer, CodeIndexingService},
    service::code_search,
};

/// Queries as people ask them.
const QUERIES: &[&str] = &[
    "how is Retry-After parsed",
    "open the breaker when failures reach the limit",
    "admit one probe in the half-open state",
    "read a duration from the environment",
    "connection that is thrown away when in doubt",
    "listener that panics",
    "expand the attribute to tokens",
    "fallback from the cache",
    "sliding window over calls",
    "reset the counters",
    "evict the least recently used key",
    "serialise a snapshot as JSON",
    "retry with backoff and jitter",
    "stream that ends with an error",
    "did you mean another key",
    "time limit of a call",
    "permit that is dropped",
    "reload the configuration file",
    "health of the critical breakers",
    "hash a word into a vector",
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let mut config = SearchConfig::read(|name| env::var(name).ok()).map_err(|problems| problems.join("; "))?;
    if env::var_os("DATABASE_URL").is_none() {
        config.database_url = format!("sqlite://{}?mode=rwc", directory.path().join("index.db").display());
    }
    // A new name for each process, so that nothing is in the caches.
    config.namespace = format!("bench-{}", std::process::id());
    println!("| what | limit | measured |\n| --- | ---: | ---: |");

    let code = code_search(config.clone())?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let begun = Instant::now();
    let indexed = code.index_directory(&root).await?;
    let what = format!("index {} functions of {} files", indexed.functions, indexed.files);
    println!("| {what} | 10 s | {:.1} s |", begun.elapsed().as_secs_f64());

    // New parts have no connection, no model and no cache.
    let (mut first, mut cold) = (Vec::new(), Vec::new());
    for query in QUERIES {
        let fresh = code_search(config.clone())?;
        first.push(ask(&fresh, query, 9, None).await?);
    }
    row("the first query of a process", "50 ms", &mut first);
    for query in QUERIES {
        cold.push(ask(&code, query, 10, None).await?);
    }
    row("a query that is new", "50 ms", &mut cold);
    for (level, what) in [(Level::L1, "a query from L1"), (Level::L2, "from L2"), (Level::L3, "from L3")] {
        let mut cached = Vec::new();
        for query in QUERIES {
            if level != Level::L1 {
                code.cache().clear_l1();
            }
            cached.extend(ask(&code, query, 10, Some(level)).await.ok());
        }
        // Without Redis there is no L2; with it, no look-up reaches L3.
        if !cached.is_empty() {
            row(what, "5 ms", &mut cached);
        }
    }
    Ok(())
}

/// Searches, and returns how long it took. An answer from another source is an error.
async fn ask(
    code: &CodeIndexingService,
    query: &str,
    limit: usize,
    from: Option<Level>,
) -> Result<Duration, Box<dyn Error>> {
    let begun = Instant::now();
    let Answer { hits, cached, degraded } = code.search(query, limit).await?;
    let took = begun.elapsed();
    if hits.is_empty() || degraded.is_some() || cached != from {
        return Err(format!("`{query}`: {} functions, from {cached:?}, {degraded:?}", hits.len()).into());
    }
    Ok(took)
}

fn row(what: &str, limit: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let shown =
        |time: Option<&Duration>| time.map_or("-".to_owned(), |time| format!("{:.1} ms", time.as_secs_f64() * 1e3));
    let (median, most) = (shown(times.get(times.len() / 2)), shown(times.last()));
    println!("| {what} (median; slowest of {}) | {limit} | {median}; {most} |", times.len());
}
