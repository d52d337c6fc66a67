//! Tests when the task of the open pages starts, publishes and ends.

use super::super::history::HistoryListener;
use super::*;
use breaker_core::Config;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use tokio::time::{advance, sleep};

fn broadcast() -> (Arc<Broadcast>, CircuitBreaker) {
    let registry: &'static Registry = Box::leak(Box::new(Registry::new()));
    let history = Arc::new(History::default());
    registry.add_listener(HistoryListener(Arc::clone(&history)));
    let breaker = registry.breaker("payments", Config::new()).unwrap();
    (Broadcast::new(registry, history), breaker)
}

fn data(event: &Event) -> serde_json::Value {
    let text = std::str::from_utf8(event.bytes()).unwrap();
    serde_json::from_str(text.split_once("data: ").unwrap().1).unwrap()
}

#[tokio::test(start_paused = true)]
async fn there_is_no_task_without_readers_and_history_goes_on() {
    let (broadcast, breaker) = broadcast();
    breaker.force_open();
    assert!(broadcast.lock().ticker.is_none());
    assert!(
        matches!(broadcast.history.take_pending(), Pending::Transitions(all) if all.is_empty()),
        "no task would publish it"
    );
    let (reader, full) = broadcast.join();
    assert_eq!(data(&full)["breakers"][0]["transitions"][0]["new"], "forced_open");
    assert!(broadcast.lock().ticker.is_some());
    drop(reader);
    sleep(LINGER / 2).await;
    assert!(broadcast.lock().ticker.is_some(), "who loads the page again finds its charts");
    sleep(LINGER).await;
    assert!(broadcast.lock().ticker.is_none());
    breaker.clear_override();
    let (_reader, full) = broadcast.join();
    assert_eq!(data(&full)["breakers"][0]["transitions"][1]["new"], "closed");
    assert!(broadcast.lock().ticker.is_some());
}

/// Otherwise an outage would send each reader an event for each breaker.
#[tokio::test(start_paused = true)]
async fn many_changes_at_once_are_sent_as_one_resync() {
    let (broadcast, _) = broadcast();
    let breakers: Vec<_> =
        (0..200).map(|n| broadcast.registry.breaker(&format!("service_{n}"), Config::new()).unwrap()).collect();
    let (mut reader, _) = broadcast.join();
    breakers.iter().for_each(CircuitBreaker::force_open);
    assert!(matches!(reader.recv().await.unwrap(), Message::Resync));
    let (mut reader, full) = broadcast.join();
    let full = data(&full);
    assert!(full["breakers"].as_array().unwrap()[1..].iter().all(|one| one["state"] == "forced_open"));
    advance(TICK).await;
    let Message::Public(tick) = reader.recv().await.unwrap() else { panic!("no tick") };
    assert!(tick.bytes().starts_with(b"event: tick\n"), "and not each by itself as well");
}

/// Otherwise a thousand readers that stop to read would each hold a copy of every event.
#[tokio::test(start_paused = true)]
async fn an_event_is_made_once_for_all_readers() {
    let (broadcast, _) = broadcast();
    let ((mut one, full), (mut other, same)) = (broadcast.join(), broadcast.join());
    assert_eq!(full.bytes().as_ptr(), same.bytes().as_ptr());
    advance(TICK).await;
    let (Message::Public(one), Message::Public(other)) = (one.recv().await.unwrap(), other.recv().await.unwrap())
    else {
        panic!("no tick")
    };
    assert_eq!(one.bytes().as_ptr(), other.bytes().as_ptr());
}

#[tokio::test(start_paused = true)]
async fn an_event_for_sessions_is_marked() {
    let (broadcast, _) = broadcast();
    let (mut reader, _) = broadcast.join();
    broadcast.publish_private("audit", &serde_json::json!({}));
    assert!(matches!(reader.recv().await.unwrap(), Message::Private(_)));
    advance(TICK).await;
    assert!(matches!(reader.recv().await.unwrap(), Message::Public(_)));
}

/// Tries to lock the broadcast when it is woken.
struct TriesLock(Arc<Broadcast>, AtomicBool);

impl Wake for TriesLock {
    fn wake(self: Arc<Self>) {
        let free = self.0.inner.try_lock().is_ok();
        self.1.store(free, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_is_woken_with_no_lock_held() {
    let (broadcast, _) = broadcast();
    let (mut reader, _) = broadcast.join();
    let waker = Arc::new(TriesLock(Arc::clone(&broadcast), AtomicBool::new(false)));
    let mut next = Box::pin(reader.recv());
    assert!(next.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&waker)))).is_pending());
    broadcast.publish_private("audit", &serde_json::json!({}));
    assert!(waker.1.load(Ordering::Relaxed));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_joins_before_an_event_is_sent_does_not_get_it_twice() {
    let (broadcast, _) = broadcast();
    let _early = broadcast.join();
    let made = broadcast.lock().publish(Event::new("made", &()));
    let (mut reader, _) = broadcast.join();
    broadcast.send(made);
    broadcast.publish_private("audit", &serde_json::json!({}));
    assert!(matches!(reader.recv().await.unwrap(), Message::Private(_)));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_stuck_keeps_no_task() {
    let (broadcast, _) = broadcast();
    let (_stuck, _) = broadcast.join();
    sleep(STREAM_LIFETIME).await;
    assert!(broadcast.lock().ticker.is_some(), "it has its time");
    sleep(LINGER + TICK * 3).await;
    assert!(broadcast.lock().ticker.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_router_that_is_gone_leaves_no_task() {
    let (broadcast, _) = broadcast();
    let (reader, _) = broadcast.join();
    let weak = Arc::downgrade(&broadcast);
    drop((broadcast, reader));
    sleep(TICK * 2).await;
    assert!(weak.upgrade().is_none());
}
