//! Reads the service's own settings from the environment.
//!
//! The breakers read their own variables.

use std::{fmt, path::Path};

use sqlx::any::AnyConnectOptions;

use crate::{embedding::EmbeddingSettings, tls};

/// The settings of the service.
#[derive(Clone, PartialEq, Eq)]
pub struct SearchConfig {
    /// Where the index is: `sqlite:` or `postgres:`.
    pub database_url: String,
    /// The address of Redis, where there may be none.
    pub redis_url: String,
    /// The authorities for a Redis of `rediss:`, as PEM; `None`: those that the system knows.
    pub redis_authorities: Option<Vec<u8>>,
    /// The prefix of the keys in Redis.
    pub namespace: String,
    /// The size of the cache in this process, in bytes.
    pub l1_bytes: u64,
    /// The models.
    pub embedding: EmbeddingSettings,
}

impl fmt::Debug for SearchConfig {
    /// Without the URLs, which may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchConfig")
            .field("namespace", &self.namespace)
            .field("l1_bytes", &self.l1_bytes)
            .field("embedding", &self.embedding)
            .finish_non_exhaustive()
    }
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            database_url: "sqlite://code_search.db?mode=rwc".to_owned(),
            redis_url: "redis://127.0.0.1:6379".to_owned(),
            redis_authorities: None,
            namespace: "code_search".to_owned(),
            l1_bytes: 64 << 20,
            embedding: EmbeddingSettings::default(),
        }
    }
}

impl SearchConfig {
    /// Reads the settings from variables; `lookup` returns the value of one.
    ///
    /// # Errors
    /// A line for every variable with an invalid value, not only for the first.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let get = |name: &str| lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let (mut config, mut problems) = (Self::default(), Vec::new());
        // A URL may hold a password, so a bad one is not repeated.
        let mut url = |name: &str, schemes: &[&str], target: &mut String| match get(name) {
            Some(url) if schemes.iter().any(|scheme| url.starts_with(scheme)) => *target = url,
            Some(_) => problems.push(format!("{name}: expected a URL that begins with {}", schemes.join(" or "))),
            None => {}
        };
        url("DATABASE_URL", &["sqlite:", "postgres:", "postgresql:"], &mut config.database_url);
        url("REDIS_URL", &["redis:", "rediss:"], &mut config.redis_url);
        if let Some(file) = get("REDIS_CA_FILE") {
            match tls::authorities(Path::new(&file)) {
                Ok(_) if !config.redis_url.starts_with("rediss:") => {
                    problems.push("REDIS_CA_FILE: is for a REDIS_URL that begins with rediss:".to_owned());
                }
                Ok(authorities) => config.redis_authorities = Some(authorities),
                Err(problem) => problems.push(format!("REDIS_CA_FILE: {problem}")),
            }
        }
        let certificates = parameters(&config.database_url, &["sslrootcert", "ssl-root-cert", "ssl-ca"]);
        for file in certificates.iter().filter(|file| !file.starts_with("-----BEGIN")) {
            if let Err(problem) = tls::authorities(Path::new(file)) {
                problems.push(format!("DATABASE_URL: sslrootcert: {problem}"));
            }
        }
        // With any other mode sqlx would accept the authority and not use it: the server could be
        // an impostor.
        let mode = parameters(&config.database_url, &["sslmode", "ssl-mode"]).pop();
        if !certificates.is_empty() && !matches!(mode.as_deref(), Some("verify-full" | "verify-ca")) {
            problems.push("DATABASE_URL: sslrootcert: is for sslmode=verify-full (or verify-ca) only".to_owned());
        }
        if let Some(bytes) = get("CACHE_L1_BYTES") {
            match bytes.parse() {
                Ok(bytes) => config.l1_bytes = bytes,
                Err(_) => problems.push(format!("CACHE_L1_BYTES: is `{bytes}`, expected a whole number of bytes")),
            }
        }
        match get("EMBEDDING_USE_MOCK").as_deref() {
            None | Some("false") => {}
            Some("true") => config.embedding.use_mock = true,
            Some(other) => problems.push(format!("EMBEDDING_USE_MOCK: is `{other}`, expected true or false")),
        }
        let text = |name, target: &mut String| {
            if let Some(value) = get(name) {
                *target = value;
            }
        };
        text("CACHE_NAMESPACE", &mut config.namespace);
        text("EMBEDDING_MODEL", &mut config.embedding.text_model);
        text("CODE_EMBEDDING_MODEL", &mut config.embedding.code_model);
        config.embedding.token = get("EMBEDDING_API_TOKEN");
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }
}

/// The value of a parameter in the URL of a database, under any of the names that sqlx knows for
/// it. An invalid URL is reported at its first use.
fn parameters(url: &str, names: &[&str]) -> Vec<String> {
    let Ok(options) = url.parse::<AnyConnectOptions>() else { return Vec::new() };
    let named = options.database_url.query_pairs().filter(|(name, _)| names.contains(&&**name));
    named.map(|(_, value)| value.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::SearchConfig;

    fn read(variables: &[(&str, &str)]) -> Result<SearchConfig, Vec<String>> {
        SearchConfig::read(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn nothing_set_means_the_defaults() {
        assert_eq!(read(&[]), Ok(SearchConfig::default()));
        assert_eq!(read(&[("REDIS_URL", " ")]), Ok(SearchConfig::default()));
    }

    #[test]
    fn a_certificate_that_would_not_be_used_is_told() {
        let pem = "-----BEGIN%20CERTIFICATE-----";
        for (mode, problems) in
            [("", 1), ("&sslmode=require", 1), ("&sslmode=verify-full", 0), ("&sslmode=verify-ca", 0)]
        {
            let told = read(&[("DATABASE_URL", &format!("postgres://h/d?sslrootcert={pem}{mode}"))]);
            assert_eq!(told.err().map_or(0, |told| told.len()), problems, "{mode}");
        }
    }

    #[test]
    fn every_bad_variable_is_told_at_once_and_no_password() {
        let problems =
            read(&[("DATABASE_URL", "mysql://u:secret@h/d"), ("CACHE_L1_BYTES", "much"), ("EMBEDDING_USE_MOCK", "1")]);
        let problems = problems.expect_err("three are bad");
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(!problems.concat().contains("secret"), "{problems:?}");
        let config = read(&[("DATABASE_URL", "postgres://u:secret@h/d"), ("EMBEDDING_API_TOKEN", "secret")]);
        assert!(!format!("{config:?}").contains("secret"));
    }
}
