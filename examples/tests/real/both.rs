//! Sends requests to the embedded API or llama.cpp, with the same calls for both.

use std::any::Any;

use breaker_examples::assistant::{endpoint::EMBEDDED_MODEL, upstream::Upstream};
use reqwest::{Client, Method, Response, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::llama::Llama;

pub(crate) struct Api {
    pub(crate) name: &'static str,
    url: String,
    http: Client,
    pub(crate) key: Option<&'static str>,
    /// The server ends when this is dropped.
    _running: Box<dyn Any>,
}

/// Both servers, and the options of each request.
pub(crate) async fn apis(key: Option<&'static str>) -> Vec<Api> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let upstream = Upstream::start(0).await.unwrap();
    if let Some(key) = key {
        upstream.want_key(key);
    }
    let url = upstream.url();
    let mut apis = vec![Api { name: "embedded", url, http, key, _running: Box::new(upstream) }];
    let alias = format!("model_alias={EMBEDDED_MODEL}");
    let wanted = key.map(|key| format!("api_keys={key}"));
    let settings: Vec<_> = [Some(&alias), wanted.as_ref()].into_iter().flatten().map(String::as_str).collect();
    if let Some(llama) = Llama::start(&settings).await {
        let (url, http) = (format!("http://127.0.0.1:{}", llama.server.port), llama.http.clone());
        apis.push(Api { name: "llama.cpp", url, http, key, _running: Box::new(llama) });
    }
    apis
}

impl Api {
    pub(crate) async fn send(&self, method: Method, route: &str, body: String) -> Response {
        let request =
            self.http.request(method, format!("{}{route}", self.url)).header(CONTENT_TYPE, "application/json");
        let request = match self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        request.body(body).send().await.unwrap()
    }

    pub(crate) async fn get(&self, route: &str) -> Response {
        self.send(Method::GET, route, String::new()).await
    }

    pub(crate) async fn post(&self, route: &str, body: &Value) -> Response {
        self.send(Method::POST, route, body.to_string()).await
    }

    /// A good answer without streaming.
    pub(crate) async fn answer(&self, route: &str, body: &Value) -> Value {
        let response = self.post(route, body).await;
        assert_eq!((response.status().as_u16(), is_json(&response)), (200, true), "{}", self.name);
        response.json().await.unwrap()
    }

    /// The data of the events of a stream.
    async fn events(&self, route: &str, body: &Value) -> Vec<String> {
        let mut body = body.clone();
        body["stream"] = json!(true);
        let response = self.post(route, &body).await;
        assert_eq!((response.status().as_u16(), content_type(&response)), (200, "text/event-stream"), "{}", self.name);
        let text = response.text().await.unwrap();
        let data = |event: &str| event.strip_prefix("data: ").unwrap_or_else(|| panic!("{text}")).to_owned();
        text.split_terminator("\n\n").map(data).collect()
    }

    /// The chunks of a stream that ends with `[DONE]`.
    pub(crate) async fn chunks(&self, route: &str, body: &Value) -> Vec<Value> {
        let mut events = self.events(route, body).await;
        assert_eq!(events.pop().as_deref(), Some("[DONE]"), "{}", self.name);
        let chunks: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
        for chunk in &chunks {
            assert_eq!((&chunk["id"], &chunk["model"]), (&chunks[0]["id"], &json!(EMBEDDED_MODEL)), "{}", self.name);
            assert!(chunk["created"].is_u64() && chunk["id"].is_string(), "{}: {chunk}", self.name);
        }
        chunks
    }

    /// The status and the error of a refused request.
    pub(crate) async fn refusal(&self, response: Response) -> (u16, String, String) {
        let status = response.status().as_u16();
        assert!(is_json(&response), "{}", self.name);
        let body: Value = response.json().await.unwrap();
        let error = &body["error"];
        assert_eq!(error["code"], status, "{}: {body}", self.name);
        let word = |field: &str| error[field].as_str().unwrap_or_else(|| panic!("{}: {body}", self.name)).to_owned();
        (status, word("type"), word("message"))
    }
}

fn content_type(response: &Response) -> &str {
    response.headers()[CONTENT_TYPE].to_str().unwrap()
}

pub(crate) fn is_json(response: &Response) -> bool {
    content_type(response).starts_with("application/json")
}
