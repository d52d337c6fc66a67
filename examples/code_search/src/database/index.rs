//! Stores the index: the functions, their words and their vectors.

use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, Row, any::AnyRow};

use super::{tables::Dialect, vectors};
use crate::{
    embedding::{Role, Vector},
    functions::{Function, Language},
    words::words,
};

/// A function as a search returns it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its file.
    pub file_path: String,
    /// `rust` or `python`.
    pub language: String,
    /// Its name.
    pub name: String,
    /// Its first line, from 1.
    pub start_line: i64,
    /// Its last line.
    pub end_line: i64,
    /// Its source.
    pub text: String,
}

/// The new content of the index for one file.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// Its language.
    pub language: Language,
    /// Its functions.
    pub functions: Vec<Function>,
    /// Their vectors; none while there are no embeddings.
    pub vectors: Vec<ModelVectors>,
}

/// The vectors that a model made of functions.
#[derive(Clone, Debug)]
pub struct ModelVectors {
    /// What the model is for.
    pub role: Role,
    /// Its name.
    pub model: String,
    /// A vector for each function, in their order.
    pub vectors: Vec<Vector>,
}

pub(super) async fn generation(connection: &mut AnyConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT generation FROM index_state WHERE id = 1").fetch_one(connection).await
}

/// The names of the files with functions in the index.
pub(super) async fn files(connection: &mut AnyConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT DISTINCT file_path FROM chunks").fetch_all(connection).await
}

/// In a transaction.
pub(super) async fn replace(
    connection: &mut AnyConnection,
    dialect: Dialect,
    file_path: &str,
    file: Option<&NewFile>,
) -> Result<(), sqlx::Error> {
    // The first statement, so that two tasks that index at the same time take turns and neither
    // deadlocks.
    sqlx::query("UPDATE index_state SET generation = generation + 1 WHERE id = 1").execute(&mut *connection).await?;
    let forget_words = match dialect {
        Dialect::Sqlite => "DELETE FROM chunk_words WHERE rowid IN (SELECT id FROM chunks WHERE file_path = $1)",
        Dialect::Postgres => "DELETE FROM chunk_words WHERE chunk_id IN (SELECT id FROM chunks WHERE file_path = $1)",
    };
    let forget = [forget_words, "DELETE FROM chunks WHERE file_path = $1", "DELETE FROM vectors WHERE file_path = $1"];
    for statement in forget {
        sqlx::query(statement).bind(file_path).execute(&mut *connection).await?;
    }
    if let Some(file) = file {
        let mut ids = Vec::with_capacity(file.functions.len());
        for function in &file.functions {
            ids.push(insert(connection, dialect, file_path, file.language, function).await?);
        }
        for model in &file.vectors {
            vectors::put(connection, file_path, &ids, model).await?;
        }
    }
    Ok(())
}

async fn insert(
    connection: &mut AnyConnection,
    dialect: Dialect,
    file_path: &str,
    language: Language,
    function: &Function,
) -> Result<i64, sqlx::Error> {
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO chunks (file_path, language, name, start_line, end_line, text) \
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
    )
    .bind(file_path)
    .bind(language.as_str())
    .bind(&function.name)
    .bind(i64::from(function.start_line))
    .bind(i64::from(function.end_line))
    .bind(&function.text)
    .fetch_one(&mut *connection)
    .await?;
    let insert_words = match dialect {
        Dialect::Sqlite => "INSERT INTO chunk_words (rowid, name, body) VALUES ($1, $2, $3)",
        Dialect::Postgres => {
            "INSERT INTO chunk_words (chunk_id, words) \
             VALUES ($1, setweight(to_tsvector('simple', $2), 'A') || to_tsvector('simple', $3))"
        }
    };
    let query = sqlx::query(insert_words).bind(id).bind(joined(&function.name)).bind(joined(&function.text));
    query.execute(&mut *connection).await?;
    Ok(id)
}

fn joined(text: &str) -> String {
    words(text).collect::<Vec<_>>().join(" ")
}

pub(super) async fn with_words(
    connection: &mut AnyConnection,
    dialect: Dialect,
    words: &[String],
    most: usize,
) -> Result<Vec<i64>, sqlx::Error> {
    // A word is letters and digits, so the quotes are enough.
    let quoted = words.iter().map(|word| match dialect {
        Dialect::Sqlite => format!("\"{word}\""),
        Dialect::Postgres => format!("'{word}'"),
    });
    let (sql, operator) = match dialect {
        Dialect::Sqlite => (
            "SELECT rowid AS id FROM chunk_words WHERE chunk_words MATCH $1 \
             ORDER BY bm25(chunk_words, 4.0, 1.0) LIMIT $2",
            " OR ",
        ),
        Dialect::Postgres => (
            "SELECT chunk_id AS id FROM chunk_words, to_tsquery('simple', $1) AS query WHERE words @@ query \
             ORDER BY ts_rank(words, query, 1) DESC, chunk_id LIMIT $2",
            " | ",
        ),
    };
    let query = sqlx::query_scalar(sql).bind(quoted.collect::<Vec<_>>().join(operator));
    query.bind(i64::try_from(most).unwrap_or(i64::MAX)).fetch_all(connection).await
}

pub(super) async fn chunks(connection: &mut AnyConnection, ids: &[i64]) -> Result<Vec<Option<Chunk>>, sqlx::Error> {
    let mut chunks = Vec::with_capacity(ids.len());
    for id in ids {
        let query =
            sqlx::query("SELECT file_path, language, name, start_line, end_line, text FROM chunks WHERE id = $1");
        let row = query.bind(id).fetch_optional(&mut *connection).await?;
        chunks.push(row.as_ref().map(chunk).transpose()?);
    }
    Ok(chunks)
}

fn chunk(row: &AnyRow) -> Result<Chunk, sqlx::Error> {
    Ok(Chunk {
        file_path: row.try_get("file_path")?,
        language: row.try_get("language")?,
        name: row.try_get("name")?,
        start_line: row.try_get("start_line")?,
        end_line: row.try_get("end_line")?,
        text: row.try_get("text")?,
    })
}
