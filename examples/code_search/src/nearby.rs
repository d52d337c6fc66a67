//! The room of the vectors in memory: read from the database once for each state of the index, not
//! for each query.
//!
//! A query looks at all of them, which is right for the functions of some projects (a kilobyte for
//! each, a million of them in a second); more want a database that searches by vectors.

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

/// The vectors of one model, with the generation of the index that they are of. The lock is held
/// while they are read, so that queries that come at the same time wait for one reading.
type Kept = Mutex<Option<(i64, Arc<[(i64, Vector)]>)>>;

impl Nearby {
    /// The numbers of the `most` functions whose vectors are nearest, the nearest first.
    ///
    /// # Errors
    /// The vectors of this generation have not been read yet, and the database is away.
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
