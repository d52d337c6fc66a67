//! The room of indexing and searching: the functions of files in, the functions that a query means out.

use std::{fs, io, path::Path, sync::Arc};

use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

use crate::{
    cascade::{CascadeCache, Level},
    database::{Chunk, Database, NewChunk},
    embedding::{DualEmbeddingService, Role, Vector},
    error::SearchError,
    files::source_files,
    functions::{Function, Language, functions},
    ranking::{fuse, nearest},
    words::words,
};

/// How many functions each of the lists contributes to an answer.
const CANDIDATES: usize = 50;

/// The longest query, in bytes.
const MAX_QUERY: usize = 1_000;

/// Indexes source files, and finds the functions in them.
#[derive(Debug)]
pub struct CodeIndexingService {
    database: Arc<Database>,
    embeddings: DualEmbeddingService,
    cache: CascadeCache,
}

/// What became of a file, or of many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Indexed {
    /// How many files were read.
    pub files: usize,
    /// How many functions can be found now.
    pub functions: usize,
    /// Those of them that have no vectors: the full text alone finds them, until they are indexed again.
    pub without_vectors: usize,
    /// Why they have none, with the state of the breaker.
    pub degraded: Option<String>,
    /// Files that could not be read, with the reason.
    pub skipped: Vec<String>,
}

/// A function that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The function.
    #[serde(flatten)]
    pub chunk: Chunk,
    /// What its places in the lists are worth together.
    pub score: f32,
}

/// The answer to a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The functions that were found, the best first.
    pub hits: Vec<Hit>,
    /// Where the answer was kept; `None` is a new one.
    pub cached: Option<Level>,
    /// Why only the full text was searched, with the state of the breaker.
    pub degraded: Option<String>,
}

impl CodeIndexingService {
    /// A service on these parts.
    #[must_use]
    pub fn new(database: Arc<Database>, embeddings: DualEmbeddingService, cache: CascadeCache) -> Self {
        Self { database, embeddings, cache }
    }

    /// Indexes all source files of a directory, with a bar that shows how far it is (where there is a terminal).
    ///
    /// # Errors
    /// The directory cannot be read, or the database is away. The files that were indexed by then stay.
    pub async fn index_directory(&self, path: &Path) -> Result<Indexed, SearchError> {
        let unreadable = |error: io::Error| SearchError::Invalid(error.to_string());
        let files = source_files(path).map_err(unreadable)?;
        let bar = ProgressBar::new(files.len() as u64).with_style(style());
        let mut total = Indexed::default();
        for file in bar.wrap_iter(files.iter()) {
            let name = file.to_string_lossy();
            bar.set_message(name.clone().into_owned());
            match fs::read_to_string(file) {
                Ok(content) => total.add(self.index_file(&name, &content).await?),
                Err(error) => total.skipped.push(format!("{name}: {error}")),
            }
        }
        bar.finish_and_clear();
        Ok(total)
    }

    /// Indexes the content of one file, in place of what was known of it. Without embeddings it is indexed all the same.
    ///
    /// # Errors
    /// The file is of no language that is understood, or the database is away; nothing has changed then.
    pub async fn index_file(&self, file_path: &str, content: &str) -> Result<Indexed, SearchError> {
        let language = Language::of(file_path);
        let Some(language) = language.filter(|_| !content.contains('\0')) else {
            return Err(SearchError::Invalid(format!("`{file_path}` is no source file of Rust (.rs) or Python (.py)")));
        };
        let found = functions(content, language);
        let (vectors, degraded) = match self.vectors_of(&found).await {
            Ok(vectors) => (vectors, None),
            Err(error) => (vec![Vec::new(); found.len()], Some(error.to_string())),
        };
        let without_vectors = if degraded.is_some() { found.len() } else { 0 };
        let chunks = found.into_iter().zip(vectors);
        let chunks: Vec<_> = chunks.map(|(function, vectors)| NewChunk { language, function, vectors }).collect();
        self.database.replace(file_path, &chunks).await?;
        Ok(Indexed { files: 1, functions: chunks.len(), without_vectors, degraded, skipped: Vec::new() })
    }

    /// A vector of the code model for each function, and one of the text model for what is said about it.
    async fn vectors_of(&self, functions: &[Function]) -> Result<Vec<Vec<(Role, String, Vector)>>, SearchError> {
        let code: Vec<_> = functions.iter().map(|function| function.text.as_str()).collect();
        let text: Vec<_> = functions.iter().map(|f| format!("{} {}", f.name, f.documentation)).collect();
        let text: Vec<_> = text.iter().map(String::as_str).collect();
        let code = self.embeddings.embed(Role::Code, &code).await?;
        let text = self.embeddings.embed(Role::Text, &text).await?;
        let named = |role, vector| (role, self.embeddings.name(role).to_owned(), vector);
        let pairs = code.into_iter().zip(text);
        Ok(pairs.map(|(code, text)| vec![named(Role::Code, code), named(Role::Text, text)]).collect())
    }

    /// The functions that a query means, at most `limit`: by their words, by what is said about them and by their code.
    ///
    /// Without embeddings it is the words alone, and the answer says so and is not kept.
    ///
    /// # Errors
    /// The query has no telling word, or the database is away and no cache has the answer.
    pub async fn search(&self, query: &str, limit: usize) -> Result<Answer, SearchError> {
        let asked: Vec<String> = words(query).collect();
        if asked.is_empty() || query.len() > MAX_QUERY {
            let problem = format!("`query` needs a word to look for, and has at most {MAX_QUERY} bytes");
            return Err(SearchError::Invalid(problem));
        }
        // An answer belongs to a state of the index and to the models, so a change of either leaves it behind.
        let generation = self.database.generation().await?;
        let models = format!("{}:{}", self.embeddings.name(Role::Text), self.embeddings.name(Role::Code));
        let key = format!("search:{generation}:{models}:{limit}:{}", asked.join(" "));
        if let Some((hits, level)) = self.cache.get(&key).await {
            return Ok(Answer { hits, cached: Some(level), degraded: None });
        }
        let mut lists = vec![self.database.with_words(&asked, CANDIDATES).await?];
        let degraded = match self.near(query).await {
            Ok(near) => {
                lists.extend(near);
                None
            }
            Err(error @ SearchError::Embedding { .. }) => Some(error.to_string()),
            Err(error) => return Err(error),
        };
        let hits = self.hits(&lists, limit).await?;
        if degraded.is_none() {
            self.cache.set(&key, &hits).await;
        }
        Ok(Answer { hits, cached: None, degraded })
    }

    /// For each model the functions that are near to the query.
    async fn near(&self, query: &str) -> Result<[Vec<i64>; 2], SearchError> {
        Ok([self.near_by(Role::Text, query).await?, self.near_by(Role::Code, query).await?])
    }

    async fn near_by(&self, role: Role, query: &str) -> Result<Vec<i64>, SearchError> {
        let Some(query) = self.embeddings.embed(role, &[query]).await?.pop() else { return Ok(Vec::new()) };
        let vectors = self.database.vectors(role, self.embeddings.name(role)).await?;
        let vectors: Vec<_> = vectors.into_iter().map(|(id, bytes)| (id, Vector::from_bytes(&bytes))).collect();
        Ok(nearest(&query, &vectors, CANDIDATES))
    }

    async fn hits(&self, lists: &[Vec<i64>], limit: usize) -> Result<Vec<Hit>, SearchError> {
        let lists: Vec<_> = lists.iter().map(Vec::as_slice).collect();
        let mut best = fuse(&lists);
        best.truncate(limit);
        let ids: Vec<_> = best.iter().map(|(id, _)| *id).collect();
        let chunks = self.database.chunks(&ids).await?;
        let scored = chunks.into_iter().zip(best);
        Ok(scored.filter_map(|(chunk, (_, score))| Some(Hit { chunk: chunk?, score })).collect())
    }

    /// The caches.
    #[must_use]
    pub fn cache(&self) -> &CascadeCache {
        &self.cache
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The models.
    #[must_use]
    pub fn embeddings(&self) -> &DualEmbeddingService {
        &self.embeddings
    }
}

impl Indexed {
    fn add(&mut self, file: Self) {
        self.files += file.files;
        self.functions += file.functions;
        self.without_vectors += file.without_vectors;
        self.degraded = file.degraded.or(self.degraded.take());
    }
}

fn style() -> ProgressStyle {
    let template = "{bar:30} {pos}/{len} {wide_msg}";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
