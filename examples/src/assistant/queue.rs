//! Queues questions until the API is available again, bounded in number and in time.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use uuid::Uuid;

use super::{
    answer::Answer,
    question::{Question, Wish},
};

/// How many times the queue calls the API for one answer before it gives up.
const TRIES: u32 = 5;

/// The id of a queued question: 122 random bits, so that knowing the id is the permission to read
/// it.
pub type JobId = Uuid;

/// The state of a queued question.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// It waits for the API.
    Pending,
    /// A model has answered.
    Done(Answer),
    /// It will not be answered, for this reason.
    Failed(String),
}

/// A queued question.
#[derive(Clone, Debug)]
pub struct Job {
    /// The question.
    pub question: Question,
    /// Its state.
    pub progress: Progress,
    expires: Instant,
    number: u64,
    tries: u32,
}

/// The questions that wait, and the answers that no user has fetched yet.
#[derive(Debug)]
pub struct Queue {
    jobs: Mutex<Jobs>,
    arrived: Notify,
    capacity: usize,
    ttl: Duration,
}

#[derive(Debug, Default)]
struct Jobs {
    by_id: HashMap<JobId, Job>,
    numbers: u64,
}

impl Queue {
    /// A queue for at most `capacity` waiting questions. It drops each after `ttl`, answered or
    /// not.
    #[must_use]
    pub fn new(capacity: usize, ttl: Duration) -> Self {
        Self { jobs: Mutex::default(), arrived: Notify::new(), capacity, ttl }
    }

    /// Adds a question; `None` when the queue is full.
    ///
    /// From now on it wants the model's own answer: its asker could have had anything else at once.
    pub fn push(&self, question: Question) -> Option<JobId> {
        let question = Question { wish: Wish::LiveOnly, ..question };
        let mut jobs = self.lock();
        if jobs.pending().count() >= self.capacity {
            return None;
        }
        jobs.forget_answers_beyond(self.capacity);
        let id = Uuid::new_v4();
        jobs.numbers += 1;
        let (number, expires) = (jobs.numbers, Instant::now() + self.ttl);
        jobs.by_id.insert(id, Job { question, progress: Progress::Pending, expires, number, tries: 0 });
        self.arrived.notify_one();
        Some(id)
    }

    /// Looks a question up; `None` when there is none, or when it has expired.
    pub fn get(&self, id: JobId) -> Option<Job> {
        self.lock().by_id.get(&id).cloned()
    }

    /// How many questions wait.
    pub fn waiting(&self) -> usize {
        self.lock().pending().count()
    }

    /// Waits for the oldest waiting question, which stays in the queue until it is settled.
    pub async fn next(&self) -> (JobId, Question) {
        loop {
            let oldest =
                self.lock().pending().min_by_key(|(_, job)| job.number).map(|(id, job)| (*id, job.question.clone()));
            match oldest {
                Some(found) => return found,
                None => self.arrived.notified().await,
            }
        }
    }

    /// Settles a question with its answer, or with the reason why there is none.
    pub fn settle(&self, id: JobId, progress: Progress) {
        if let Some(job) = self.lock().by_id.get_mut(&id) {
            job.progress = progress;
        }
    }

    /// Records that the API failed with this question; after five failures the question has failed.
    ///
    /// It goes to the end of the queue, so that one question that always fails does not block the
    /// others.
    pub fn try_again(&self, id: JobId, reason: &str) {
        let mut jobs = self.lock();
        jobs.numbers += 1;
        let number = jobs.numbers;
        if let Some(job) = jobs.by_id.get_mut(&id) {
            job.number = number;
            job.tries += 1;
            if job.tries >= TRIES {
                job.progress = Progress::Failed(reason.to_owned());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Jobs> {
        // No code under this lock panics in the middle of a change, so a poisoned lock guards valid
        // data.
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        jobs.by_id.retain(|_, job| job.expires > now);
        jobs
    }
}

impl Jobs {
    fn pending(&self) -> impl Iterator<Item = (&JobId, &Job)> {
        self.by_id.iter().filter(|(_, job)| job.progress == Progress::Pending)
    }

    /// Evicts old entries: answers that no user fetches may not grow without bound either.
    fn forget_answers_beyond(&mut self, most: usize) {
        let settled = self.by_id.iter().filter(|(_, job)| job.progress != Progress::Pending);
        let mut settled: Vec<_> = settled.map(|(id, job)| (job.number, *id)).collect();
        settled.sort_unstable();
        for (_, id) in settled.iter().take(settled.len().saturating_sub(most)) {
            self.by_id.remove(id);
        }
    }
}
