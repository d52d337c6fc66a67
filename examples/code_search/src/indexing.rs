//! Indexes the functions of files, and searches them.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use tokio::{join, task::spawn_blocking, try_join};

use crate::{
    cascade::{CascadeCache, Level},
    database::{Chunk, Database, ModelVectors, NewFile},
    embedding::{DualEmbeddingService, Role},
    error::SearchError,
    files::source_files,
    functions::{Found, Function, Language, functions},
    nearby::Nearby,
    ranking::fuse,
    words::words,
};

/// The number of functions that each ranked list contributes to an answer.
const CANDIDATES: usize = 50;

/// The longest query, in bytes.
const MAX_QUERY: usize = 1_000;

/// The longest name of a file, in bytes, which is that of a path.
const MAX_PATH: usize = 4_096;

/// Indexes source files, and finds the functions in them.
#[derive(Debug)]
pub struct CodeIndexingService {
    database: Arc<Database>,
    embeddings: DualEmbeddingService,
    cache: CascadeCache,
    nearby: Nearby,
}

/// The result of indexing one file or many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Indexed {
    /// How many files were read.
    pub files: usize,
    /// How many functions are searchable now.
    pub functions: usize,
    /// How many of them have no vectors: only the full text finds these, until they are indexed
    /// again.
    pub without_vectors: usize,
    /// Why they have none, with the state of the breaker.
    pub degraded: Option<String>,
    /// How many of the functions are indexed with a shortened text. One text, or all texts of a
    /// file together, are longer than the limit.
    pub shortened: usize,
    /// How many functions are not searchable, since their file has more than the limit.
    pub left_out: usize,
    /// How many files were deleted from the index, because they are gone.
    pub forgotten: usize,
    /// Files with a part that is nested too deep, and its line. Functions inside that part are not
    /// searchable, all others are.
    pub too_deep: Vec<String>,
    /// Files that could not be read, with the reason.
    pub skipped: Vec<String>,
}

/// A function that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The function.
    #[serde(flatten)]
    pub chunk: Chunk,
    /// The sum of its scores in the lists.
    pub score: f32,
}

/// The answer to a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The functions that were found, the best first.
    pub hits: Vec<Hit>,
    /// The cache that had the answer; `None` for a new one.
    pub cached: Option<Level>,
    /// Why only the full text was searched, with the state of the breaker.
    pub degraded: Option<String>,
}

impl CodeIndexingService {
    /// A service with these parts.
    #[must_use]
    pub fn new(database: Arc<Database>, embeddings: DualEmbeddingService, cache: CascadeCache) -> Self {
        Self { database, embeddings, cache, nearby: Nearby::default() }
    }

    /// Indexes a source file, or all files of a directory, and deletes those that are gone. On a
    /// terminal it shows a progress bar.
    ///
    /// # Errors
    /// The directory cannot be read, or the database is down or takes no writes. The files that
    /// were indexed by then stay.
    pub async fn index_directory(&self, path: &Path) -> Result<Indexed, SearchError> {
        let unreadable = |error: io::Error| SearchError::Invalid(error.to_string());
        let files = source_files(path).map_err(unreadable)?;
        let bar = ProgressBar::new(files.len() as u64).with_style(style());
        let mut total = Indexed::default();
        for file in bar.wrap_iter(files.iter()) {
            let name = file.to_string_lossy();
            bar.set_message(name.clone().into_owned());
            let content = fs::read_to_string(file).map_err(|error| SearchError::Invalid(format!("{name}: {error}")));
            let indexed = match content {
                Ok(content) => self.index_file(&name, &content).await,
                Err(unreadable) => Err(unreadable),
            };
            match indexed {
                Ok(indexed) => total.add(indexed),
                // An error of one file does not end the rest.
                Err(SearchError::Invalid(problem)) if file != path => total.skipped.push(problem),
                Err(error) => return Err(error),
            }
        }
        bar.finish_and_clear();
        total.forgotten = self.forget_missing(path, &files).await?;
        Ok(total)
    }

    /// Indexes the content of one file, and replaces what was known of it. It does so without
    /// embeddings too.
    ///
    /// # Errors
    /// The file's language is unknown, it takes too long to parse, or the database takes no writes.
    /// Nothing has changed then.
    pub async fn index_file(&self, file_path: &str, content: &str) -> Result<Indexed, SearchError> {
        if file_path.len() > MAX_PATH {
            return Err(SearchError::Invalid(format!("the name of a file has at most {MAX_PATH} bytes")));
        }
        let language = Language::of(file_path);
        let Some(language) = language.filter(|_| !content.contains('\0')) else {
            let problem = format!("`{file_path}` is no source file of Rust (.rs) or Python (.py)");
            return Err(SearchError::Invalid(problem));
        };
        // A large file takes a while, and other requests would time out meanwhile.
        let content = content.to_owned();
        let parsed = spawn_blocking(move || functions(&content, language)).await;
        let unfit = |error: &dyn fmt::Display| SearchError::Invalid(format!("`{file_path}`: {error}"));
        let found = parsed.map_err(|error| unfit(&error))?.map_err(|error| unfit(&error))?;
        let Found { functions, shortened, left_out, too_deep } = found;
        let too_deep = too_deep.iter().map(|part| format!("`{file_path}`: {part}")).collect();
        let (vectors, degraded) = match self.vectors_of(&functions).await {
            Ok(vectors) => (vectors.into(), None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let count = functions.len();
        self.database.replace(file_path, &NewFile { language, functions, vectors }).await?;
        let without_vectors = if degraded.is_some() { count } else { 0 };
        let rest = Indexed::default();
        Ok(Indexed { files: 1, functions: count, without_vectors, degraded, shortened, left_out, too_deep, ..rest })
    }

    /// Deletes the files of a directory that are gone from the index.
    async fn forget_missing(&self, path: &Path, files: &[PathBuf]) -> Result<usize, SearchError> {
        let known = self.database.files().await?;
        let gone = known.iter().filter(|name| Path::new(name).starts_with(path) && !files.contains(&name.into()));
        let mut forgotten = 0;
        for name in gone {
            self.database.forget(name).await?;
            forgotten += 1;
        }
        Ok(forgotten)
    }

    /// A vector of the code model for each function, and one of the text model for its
    /// documentation.
    async fn vectors_of(&self, functions: &[Function]) -> Result<[ModelVectors; 2], SearchError> {
        let code: Vec<_> = functions.iter().map(|function| function.text.as_str()).collect();
        let text: Vec<_> = functions.iter().map(|f| format!("{} {}", f.name, f.documentation)).collect();
        let text: Vec<_> = text.iter().map(String::as_str).collect();
        let code = self.embeddings.embed(Role::Code, &code).await?;
        let text = self.embeddings.embed(Role::Text, &text).await?;
        let made = |role, vectors| ModelVectors { role, model: self.embeddings.name(role).to_owned(), vectors };
        Ok([made(Role::Code, code), made(Role::Text, text)])
    }

    /// The functions that match a query, at most `limit`: by their words, their documentation and
    /// their code.
    ///
    /// Without embeddings only the words count. The answer says so and is not cached.
    ///
    /// # Errors
    /// The query has no searchable word, or the database is down and no cache has the answer.
    pub async fn search(&self, query: &str, limit: usize) -> Result<Answer, SearchError> {
        let asked: Vec<String> = words(query).collect();
        if asked.is_empty() || query.len() > MAX_QUERY {
            let problem = format!("`query` needs a word to look for, and has at most {MAX_QUERY} bytes");
            return Err(SearchError::Invalid(problem));
        }
        // The key has the generation of the index and the models, so a change of either makes old
        // answers unreachable.
        let generation = self.database.generation().await?;
        let models = format!("{}:{}", self.embeddings.name(Role::Text), self.embeddings.name(Role::Code));
        let key = format!("search:{generation}:{models}:{limit}:{}", asked.join(" "));
        if let Some((hits, level)) = self.cache.get(&key).await {
            return Ok(Answer { hits, cached: Some(level), degraded: None });
        }
        let (with_words, near) = join!(self.database.with_words(&asked, CANDIDATES), self.near(query, generation));
        let mut lists = vec![with_words?];
        let degraded = match near {
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

    /// For each model the functions nearest to the query.
    async fn near(&self, query: &str, generation: i64) -> Result<[Vec<i64>; 2], SearchError> {
        let by = |role| self.near_by(role, query, generation);
        let (text, code) = try_join!(by(Role::Text), by(Role::Code))?;
        Ok([text, code])
    }

    async fn near_by(&self, role: Role, query: &str, generation: i64) -> Result<Vec<i64>, SearchError> {
        let Some(query) = self.embeddings.embed(role, &[query]).await?.pop() else { return Ok(Vec::new()) };
        let (model, index) = ((role, self.embeddings.name(role)), (&*self.database, generation));
        Ok(self.nearby.of(&query, model, index, CANDIDATES).await?)
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
        self.shortened += file.shortened;
        self.left_out += file.left_out;
        self.too_deep.extend(file.too_deep);
        self.degraded = file.degraded.or(self.degraded.take());
    }
}

fn style() -> ProgressStyle {
    let template = "{bar:30} {pos}/{len} {wide_msg}";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
