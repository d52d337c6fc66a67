//! Plays one act of the story: the load, the outage and the reports, all at once.

use std::{
    future, io,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use breaker_core::{CircuitBreaker, Event, State};
use reqwest::Url;
use tokio::{
    sync::Notify,
    time::{Duration, Instant, interval_at, sleep_until},
};

use super::{
    HEALTHY, Plot,
    ledger::{Books, Ledger, Tally},
    load::Load,
    timeline::{Timeline, readable},
};
use crate::assistant::{service::Service, upstream::UpstreamHandle};

const COLUMNS: &str = "  time   API            breaker      live   2nd   no notes   cached   excerpts   503   slowest";

/// How long before the end of its second a row is printed. The API and the breaker change on the
/// second, so the row shows the states in which its answers were given.
const EARLY: Duration = Duration::from_millis(20);

/// The settings of an act.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) service: &'a Service,
    pub(super) upstream: UpstreamHandle,
    /// The API's base address.
    pub(super) base: &'a Url,
    pub(super) breaker: &'a CircuitBreaker,
    pub(super) plot: &'a Plot,
    pub(super) timeline: &'a Timeline,
}

/// The results of one act.
#[derive(Debug)]
pub(super) struct Act {
    pub(super) books: Books,
    /// The calls that were made to the API.
    pub(super) sent: u64,
    /// The calls that the breaker rejected.
    pub(super) rejected: u64,
    /// The time from the API's failure to the open breaker.
    pub(super) to_open: Option<Duration>,
    /// The time from the API's recovery to the closed breaker.
    pub(super) to_closed: Option<Duration>,
}

/// The records of an act.
struct Record {
    begin: Instant,
    ledger: Arc<Ledger>,
    changes: Mutex<Vec<(Instant, State)>>,
    /// The breaker has closed.
    closed: Notify,
}

impl Stage<'_> {
    /// Plays the outage once, and waits until every question has its answer.
    pub(super) async fn play(&self) -> io::Result<Act> {
        self.upstream.behave(HEALTHY).await;
        self.timeline.say(COLUMNS);
        let record = Record {
            begin: Instant::now(),
            ledger: Arc::new(Ledger::new()),
            changes: Mutex::default(),
            closed: Notify::new(),
        };
        let (sent, rejected) = self.counts();
        let (asked, outage) = tokio::select! {
            played = async {
                tokio::join!(self.load(&record).run(self.recovery(&record)), self.break_and_mend(&record))
            } => played,
            never = self.report_every_second(&record) => match never {},
            never = self.report_changes(&record) => match never {},
        };
        asked.map_err(io::Error::other)?;
        self.report(&record, "  end");
        let (sent_now, rejected_now) = self.counts();
        Ok(Act {
            books: record.ledger.close(),
            sent: sent_now - sent,
            rejected: rejected_now - rejected,
            to_open: record.first(State::Open, outage.start),
            to_closed: record.first(State::Closed, outage.end),
        })
    }

    fn counts(&self) -> (u64, u64) {
        let sent = self.service.assistant.generator().map_or(0, |generator| generator.first().client().sent());
        (sent, self.breaker.snapshot().rejected_count)
    }

    fn load(&self, record: &Record) -> Load {
        let end = record.begin + self.plot.length();
        Load {
            service: self.service.address,
            pace: self.plot.pace,
            outage: record.begin + self.plot.before..end - self.plot.after,
            end,
            ledger: Arc::clone(&record.ledger),
        }
    }

    /// Takes the API down and brings it back; returns the measured time between the two.
    async fn break_and_mend(&self, record: &Record) -> Range<Instant> {
        sleep_until(record.begin + self.plot.before).await;
        let start = Instant::now();
        for (behaviour, time) in &self.plot.outage {
            self.note(record, &format!("the API {behaviour}"));
            self.upstream.play(&[(*behaviour, *time)]).await;
        }
        self.upstream.behave(HEALTHY).await;
        self.note(record, "the API is healthy again");
        start..Instant::now()
    }

    /// Waits until the breaker closes, or forever where the story does not end with that.
    async fn recovery(&self, record: &Record) {
        if self.plot.until_recovery {
            record.closed.notified().await;
        } else {
            future::pending::<()>().await;
        }
    }

    async fn report_every_second(&self, record: &Record) -> std::convert::Infallible {
        let second = Duration::from_secs(1);
        let mut clock = interval_at(record.begin + second - EARLY, second);
        let mut number = 0;
        loop {
            clock.tick().await;
            number += 1;
            self.report(record, &format!("{number:>3} s"));
            self.timeline.tick(format!("API {}, breaker {}", self.upstream.behaviour(), self.breaker.state()));
        }
    }

    fn report(&self, record: &Record, time: &str) {
        let tally = record.ledger.recent();
        let Tally { live, second, no_notes, cached, excerpts, unavailable, slowest, .. } = tally;
        if tally.all() == 0 {
            return;
        }
        self.timeline.say(&format!(
            " {time}   {:<14} {:<10} {live:>6} {second:>5} {no_notes:>10} {cached:>8} {excerpts:>10} {unavailable:>5} {:>9}",
            self.upstream.behaviour().to_string(),
            self.breaker.state().to_string(),
            readable(slowest),
        ));
    }

    /// Prints each change of the breaker at the moment of the change.
    async fn report_changes(&self, record: &Record) -> std::convert::Infallible {
        let mut events = self.breaker.subscribe();
        loop {
            if let Some(Event::StateChange { new, opened_because, .. }) = events.recv().await {
                record.changes.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), new));
                self.note(record, &in_words(new, opened_because.as_deref()));
                if new == State::Closed {
                    record.closed.notify_one();
                }
            }
        }
    }

    fn note(&self, record: &Record, happening: &str) {
        self.timeline.say(&format!("{:>6.1} s  >> {happening}", record.begin.elapsed().as_secs_f64()));
    }
}

fn in_words(new: State, because: Option<&str>) -> String {
    match new {
        State::Open => {
            let because = because.map(|because| format!("\n            ({because})")).unwrap_or_default();
            format!("the breaker OPENS: it rejects calls at once{because}")
        }
        State::HalfOpen => "the breaker is HALF-OPEN: it admits one call as a probe".to_owned(),
        State::Closed => "the breaker CLOSES: the probe succeeded, and all calls are admitted again".to_owned(),
        other => format!("the breaker is {other}"),
    }
}

impl Record {
    /// How long after `since` the breaker first entered this state.
    fn first(&self, state: State, since: Instant) -> Option<Duration> {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let found = changes.iter().find(|(at, new)| *new == state && *at >= since);
        found.map(|(at, _)| *at - since)
    }
}
