//! Keeps the vectors in memory, and reads them once for each generation of the index.
//!
//! A query compares all of them, which is right for the functions of some projects. Each takes a
//! kilobyte, and a second is enough for a million. More need a database that searches by vectors.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::{
    database::{Database, DatabaseError},
    embedding::{Role, Vector},
    ranking::nearest,
};

/// The vectors of both models.
#[derive(Debug, Default)]
pub struct Nearby {
    text: Kept,
    code: Kept,
}

/// The vectors of one model, with the generation of the index that they belong to. A reader holds
/// the lock, so that concurrent queries wait for one read.
type Kept = Mutex<Option<(i64, Arc<[(i64, Vector)]>)>>;

impl Nearby {
    /// The numbers of the `most` functions with the nearest vectors, nearest first.
    ///
    /// # Errors
    /// The vectors of this generation have not been read yet, and the database is down.
    pub async fn of(
        &self,
        query: &Vector,
        (role, model): (Role, &str),
        (database, generation): (&Database, i64),
        most: usize,
    ) -> Result<Vec<i64>, DatabaseError> {
        let kept = match role {
            Role::Text => &self.text,
            Role::Code => &self.code,
        };
        let mut kept = kept.lock().await;
        let vectors = match &*kept {
            Some((of, vectors)) if *of == generation => Arc::clone(vectors),
            _ => {
                let vectors: Arc<[_]> = database.vectors(role, model).await?.into();
                *kept = Some((generation, Arc::clone(&vectors)));
                vectors
            }
        };
        drop(kept);
        Ok(nearest(query, &vectors, most))
    }
}
