//! Simulates four users who ask over HTTP at a steady pace, whether or not the answers come.

use std::{net::SocketAddr, pin::pin, sync::Arc};

use reqwest::Client;
use serde::{Deserialize, Serialize};
use tokio::{
    task::JoinSet,
    time::{Duration, Instant, MissedTickBehavior, interval},
};

use super::ledger::{Got, Ledger};
use crate::assistant::client::plain_client;

const USERS: [&str; 4] = ["ada", "ben", "cleo", "dana"];

/// Questions that all users ask again and again.
const USUAL: [&str; 6] = [
    "How often do I feed the sourdough starter?",
    "When do I replace the bicycle chain?",
    "Why does a Postgres table bloat?",
    "When does my passport expire?",
    "How much sealant do tubeless tyres need?",
    "What does a circuit breaker do?",
];

/// Questions in new words.
const UNUSUAL: [&str; 4] = [
    "Tell me about pruning the apple tree",
    "How do I bleed the brakes",
    "What keeps tomatoes healthy",
    "How do I brew cold coffee",
];

#[derive(Serialize)]
struct Ask<'a> {
    query: String,
    user_id: &'a str,
    include_metadata: bool,
}

#[derive(Deserialize)]
struct Reply {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    source: String,
}

/// Of ten questions, six are usual ones and three are new. The notes have nothing on the last one.
fn question(number: usize) -> Ask<'static> {
    let user_id = USERS[number % USERS.len()];
    let query = match number % 10 {
        0..6 => USUAL[number / USERS.len() % USUAL.len()].to_owned(),
        6..9 => format!("{}? (question {number})", UNUSUAL[number % UNUSUAL.len()]),
        _ => format!("Who won chess championship {number}?"),
    };
    Ask { query, user_id, include_metadata: true }
}

/// The settings of the load.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) service: SocketAddr,
    pub(super) pace: Duration,
    pub(super) outage: std::ops::Range<Instant>,
    pub(super) end: Instant,
    pub(super) ledger: Arc<Ledger>,
}

impl Load {
    /// Asks until the end, or until `enough` is over, then waits for the answers in flight.
    pub(super) async fn run(self, enough: impl Future<Output = ()>) -> reqwest::Result<()> {
        let mut enough = pin!(enough);
        let client = plain_client().build()?;
        let mut clock = interval(self.pace);
        // The pace does not slow down on a busy machine: that would hide the waits that are
        // measured.
        clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut on_their_way = JoinSet::new();
        for number in 0.. {
            let asked = tokio::select! {
                asked = clock.tick() => asked,
                () = &mut enough => break,
            };
            if asked >= self.end {
                break;
            }
            on_their_way.spawn(self.clone().ask(client.clone(), number, asked));
        }
        while on_their_way.join_next().await.is_some() {}
        Ok(())
    }

    async fn ask(self, client: Client, number: usize, asked: Instant) {
        let request = client.post(format!("http://{}/query", self.service)).json(&question(number));
        let got = match request.send().await {
            Ok(response) if response.status() == 503 => Got::Unavailable,
            Ok(response) => response.json::<Reply>().await.map_or(Got::Other, |reply| got(&reply.metadata.source)),
            Err(_) => Got::Other,
        };
        self.ledger.note(got, asked.elapsed(), self.outage.contains(&asked));
    }
}

fn got(source: &str) -> Got {
    match source {
        "model" => Got::Live,
        "second_provider" => Got::Second,
        "none" => Got::NoNotes,
        "l1_cache" => Got::Cached,
        "excerpts" => Got::Excerpts,
        _ => Got::Other,
    }
}
