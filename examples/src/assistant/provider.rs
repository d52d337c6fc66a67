//! Wraps the client of one API, with its breaker's key and the state of its settings.

use std::sync::Arc;

use super::{
    client::{ApiClient, Reply},
    endpoint::Endpoint,
    error::GenerationError,
    question::Question,
    standing::Standing,
    streamed::{self, Events, Streamed},
    wire::{completion::Completion, request::GenerationParameters},
};

/// One provider of answers.
#[derive(Debug)]
pub struct Provider {
    key: String,
    client: ApiClient,
    standing: Arc<Standing>,
}

impl Provider {
    /// The provider at this endpoint.
    ///
    /// # Errors
    /// The system's root certificates cannot be loaded.
    pub fn new(endpoint: Endpoint, parameters: GenerationParameters) -> Result<Self, reqwest::Error> {
        let key = endpoint.key();
        Ok(Self { key, client: ApiClient::new(endpoint, parameters)?, standing: Arc::default() })
    }

    /// Its name and its model: the key of its breaker.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The client of its API.
    #[must_use]
    pub fn client(&self) -> &ApiClient {
        &self.client
    }

    /// Whether its settings work.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Calls it once.
    ///
    /// # Errors
    /// Any variant of [`GenerationError`] that describes the API.
    pub async fn generate(&self, question: &Question, prompt: &str) -> Result<Completion, GenerationError> {
        let result = self.client.generate(prompt).await;
        self.tell(question, &result);
        result
    }

    /// Calls it once, for a streamed answer.
    ///
    /// # Errors
    /// Any variant of [`GenerationError`] that describes the API.
    pub async fn stream(&self, question: &Question, prompt: &str) -> Result<Events, GenerationError> {
        let whole = match self.client.stream(prompt).await {
            Ok(Reply::Tokens(tokens)) => {
                let (endpoint, standing) = (Arc::clone(self.client.endpoint()), Arc::clone(&self.standing));
                return Ok(Streamed::new(tokens, endpoint, standing, &question.query).events());
            }
            Ok(Reply::Whole(completion)) => Ok(completion),
            Err(error) => Err(error),
        };
        self.tell(question, &whole);
        whole.map(|Completion { text, finish, .. }| streamed::whole(text, Some(finish)))
    }

    fn tell(&self, question: &Question, result: &Result<Completion, GenerationError>) {
        self.standing.note(&self.key, &question.query, result);
        if let (Ok(Completion { model: Some(answered), .. }), Some(asked)) = (result, &self.client.endpoint().model) {
            self.standing.note_model(&self.key, asked, answered);
        }
    }
}
