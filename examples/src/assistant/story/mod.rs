//! Prints the story of an outage, with the breaker, without it, and with a second provider.
//!
//! It also shows a streamed answer that breaks off.

mod act;
mod cut;
mod ledger;
mod load;
mod table;
mod timeline;

use std::{io, time::Duration};

use breaker_core::{Config, State};
use reqwest::Url;

use super::{
    api::ApiKind,
    config::{AssistantConfig, RetryPolicy},
    endpoint::Endpoint,
    service::{Assistant, Service},
    upstream::{Behaviour, Upstream},
};
use act::Act;
use timeline::Timeline;

/// How long each part of the story takes.
#[derive(Clone, Debug)]
pub struct Plot {
    /// The healthy time before the outage.
    pub before: Duration,
    /// The outage.
    pub outage: Vec<(Behaviour, Duration)>,
    /// The healthy time after it.
    pub after: Duration,
    /// The interval between two questions.
    pub pace: Duration,
    /// The story ends when the breaker closes for the first time.
    pub until_recovery: bool,
}

/// The API's behaviour outside of the outage.
pub const HEALTHY: Behaviour = Behaviour::Healthy { latency: Duration::from_millis(60) };

impl Plot {
    /// A story with an outage of this length, of three kinds with equal lengths.
    #[must_use]
    pub fn with_outage(outage: Duration) -> Self {
        let kinds = [Behaviour::Error(500), Behaviour::Hang, Behaviour::Refuse];
        Self {
            before: Duration::from_secs(4),
            outage: kinds.map(|kind| (kind, outage / 3)).to_vec(),
            after: Duration::from_secs(5),
            pace: Duration::from_millis(50),
            until_recovery: false,
        }
    }

    /// A short story, in which a second provider answers while the first one fails.
    #[must_use]
    pub fn of_failover(&self) -> Self {
        Self {
            before: Duration::from_secs(2),
            outage: vec![(Behaviour::Error(503), Duration::from_secs(3))],
            after: Duration::from_secs(3),
            pace: self.pace,
            until_recovery: false,
        }
    }

    /// How long the story takes.
    fn whole(&self) -> Duration {
        if self.until_recovery {
            return self.length();
        }
        self.length() * 2 + self.of_failover().length() + Duration::from_secs(2)
    }

    /// How long one act takes.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.before + self.outage.iter().map(|(_, time)| *time).sum::<Duration>() + self.after
    }
}

/// The settings that the story shortens, so that it does not take long.
mod short {
    use std::time::Duration;

    pub(super) const RECOVERY_TIMEOUT: Duration = Duration::from_secs(2);
    pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(1);
    pub(super) const TOKEN_GAP: Duration = Duration::from_secs(1);
    pub(super) const RETRY_MIN: Duration = Duration::from_millis(200);
    pub(super) const RETRY_MAX: Duration = Duration::from_secs(1);
}

const RETRY: RetryPolicy = RetryPolicy { attempts: 3, min: short::RETRY_MIN, max: short::RETRY_MAX, jitter: 0.0 };

/// Prints the story to the standard output.
///
/// # Errors
/// A loopback port is not available, or the breaker is not registered. Or a story that ends at the
/// first recovery has none.
pub async fn tell(plot: &Plot) -> io::Result<()> {
    let upstream = Upstream::start(0).await?;
    let url = Url::parse(&upstream.url()).map_err(io::Error::other)?;
    let config = AssistantConfig { retry: RETRY, ..AssistantConfig::default() };
    let assistant = Assistant::new(config, Some(url.clone()))?;
    let service = Service::start(assistant, 0).await?;
    let breaker = service.assistant.breaker().ok_or_else(|| io::Error::other("the breaker is not registered"))?;
    let waits = Config::new().recovery_timeout(short::RECOVERY_TIMEOUT).timeout(short::CALL_TIMEOUT);
    breaker.reconfigure(waits).map_err(io::Error::other)?;
    if breaker.state() == State::Disabled {
        return Err(io::Error::other("the settings disable the breaker, but the story needs one"));
    }

    let timeline = Timeline::new(plot.whole());
    let fail_max = breaker.settings().fail_max.map_or_else(|| "\"off\"".to_owned(), |most| most.to_string());
    introduce(&timeline, &service, &upstream, plot, &fail_max);
    let stage = act::Stage {
        service: &service,
        upstream: upstream.handle(),
        base: &url,
        breaker: &breaker,
        plot,
        timeline: &timeline,
    };
    timeline.heading("Act 1: with the circuit breaker");
    let with = stage.play().await?;
    if plot.until_recovery {
        timeline.finish();
        return with.to_closed.map(drop).ok_or_else(|| io::Error::other("the breaker has not closed again"));
    }

    timeline.heading("Act 2: the same questions, the same outage, the breaker switched off (`breaker.disable()`)");
    if let Some(generator) = service.assistant.generator() {
        generator.cache().clear(); // Both acts begin with an empty cache.
    }
    breaker.disable();
    let without = stage.play().await?;
    breaker.clear_override();
    let failover = fail_over(&stage).await?;
    cut::play(&stage).await?;
    conclude(&timeline, &with, &without, &failover);
    Ok(())
}

/// The third act: the same first provider, with a second one behind it.
async fn fail_over(stage: &act::Stage<'_>) -> io::Result<Act> {
    stage.timeline.heading(
        "Act 3: the breaker and a second provider (`HF_FALLBACK_API_URL`), which is called before cache and excerpts",
    );
    let second = Upstream::start(0).await?;
    second.handle().behave(HEALTHY).await;
    let base = Url::parse(&second.url()).map_err(io::Error::other)?;
    let second_endpoint = Some(Endpoint::embedded(&base, ApiKind::Chat, "second"));
    let config = AssistantConfig { retry: RETRY, second: second_endpoint, ..AssistantConfig::default() };
    let service = Service::start(Assistant::new(config, Some(stage.base.clone()))?, 0).await?;
    let plot = stage.plot.of_failover();
    act::Stage { service: &service, plot: &plot, upstream: stage.upstream.clone(), base: stage.base, ..*stage }
        .play()
        .await
}

fn introduce(timeline: &Timeline, service: &Service, upstream: &Upstream, plot: &Plot, fail_max: &str) {
    let seconds = plot.whole().as_secs();
    timeline.say(&format!(
        "An assistant answers questions from notes. A text-generation API writes the answers, and this API will fail.

  dashboard  {dashboard}   open it in a browser and watch
  assistant  http://{service}   one question every {pace} ms, from four users
  API        {upstream}   embedded, so nothing leaves this machine

One attribute guards the call: #[circuit_breaker(name = \"huggingface_api\", fail_max = {fail_max}, ...)].
Another one says what users get while the breaker is open: #[fallback(second_provider = ..., queued = ..., l1_cache = ...,
excerpts = ...)]. The first step that has an answer serves it:

  second_provider   the answer of a second provider; act 3 has one
  queued            a place in the queue, for users who ask for one; none does here
  l1_cache          the user's earlier answer to the question
  excerpts          excerpts of the notes; without any, users get a 503 with Retry-After

All waits are shorter in this story of about {seconds} s than in service. A call times out after {call:?} (in service: 30 s).
The breaker admits a probe after {recovery:?} (30 s). A stream times out after {gap:?} without a token (10 s). Retries wait
{min:?} to {max:?} (2 s to 10 s), without jitter.",
        dashboard = service.dashboard(),
        service = service.address,
        upstream = upstream.url(),
        pace = plot.pace.as_millis(),
        call = short::CALL_TIMEOUT,
        recovery = short::RECOVERY_TIMEOUT,
        gap = short::TOKEN_GAP,
        min = short::RETRY_MIN,
        max = short::RETRY_MAX,
    ));
}

fn conclude(timeline: &Timeline, with: &Act, without: &Act, failover: &Act) {
    timeline.finish();
    timeline.heading("What was measured");
    timeline.say(&table::compare(with, without));
    timeline.say(&table::failover(failover));
    timeline.say(&table::moral(with, without));
}
