//! Encodes the vectors of a file and role in one row.
//!
//! The number of each function is before its vector.

use sqlx::AnyConnection;

use super::index::ModelVectors;
use crate::embedding::{Role, Vector};

pub(super) async fn put(
    connection: &mut AnyConnection,
    file_path: &str,
    ids: &[i64],
    model: &ModelVectors,
) -> Result<(), sqlx::Error> {
    let entries = ids.iter().zip(&model.vectors);
    let packed: Vec<u8> = entries.flat_map(|(id, vector)| id.to_le_bytes().into_iter().chain(vector.bytes())).collect();
    let query = "INSERT INTO vectors (file_path, role, model, functions, packed) VALUES ($1, $2, $3, $4, $5)";
    let query = sqlx::query(query).bind(file_path).bind(model.role.as_str()).bind(&model.model);
    let functions = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    query.bind(functions).bind(packed).execute(connection).await?;
    Ok(())
}

pub(super) async fn all(
    connection: &mut AnyConnection,
    role: Role,
    model: &str,
) -> Result<Vec<(i64, Vector)>, sqlx::Error> {
    let query = sqlx::query_as("SELECT functions, packed FROM vectors WHERE role = $1 AND model = $2");
    let files: Vec<(i64, Vec<u8>)> = query.bind(role.as_str()).bind(model).fetch_all(connection).await?;
    Ok(files.iter().flat_map(|(functions, packed)| entries(*functions, packed)).collect())
}

/// All vectors of a model are of one length, so the number of entries says where each one ends.
fn entries(functions: i64, packed: &[u8]) -> impl Iterator<Item = (i64, Vector)> {
    let length = usize::try_from(functions).ok().and_then(|functions| packed.len().checked_div(functions)).unwrap_or(0);
    packed.chunks_exact(length.max(1)).filter_map(|entry| {
        let (id, vector) = entry.split_first_chunk()?;
        Some((i64::from_le_bytes(*id), Vector::from_bytes(vector)))
    })
}
