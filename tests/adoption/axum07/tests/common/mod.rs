//! The store, as a small server of the test's own.

use notes::notes::{Remembered, StoredNotes};
use notes::sessions::StoredSessions;
use notes::store::Store;
use notes::web::Service;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

type Values = Arc<Mutex<BTreeMap<String, String>>>;

/// A store with nothing in it.
pub async fn store() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
    let address = listener.local_addr().expect("it is bound");
    let values = Values::default();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(answer(client, Arc::clone(&values)));
        }
    });
    address
}

async fn answer(client: TcpStream, values: Values) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    let mut line = String::new();
    client.read_line(&mut line).await?;
    let answer = reply(line.trim_end(), &mut values.lock().expect("nobody panics with the lock"));
    client.write_all(format!("{answer}\n").as_bytes()).await
}

fn reply(line: &str, values: &mut BTreeMap<String, String>) -> String {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let found = match word {
        "GET" => values.get(rest).cloned(),
        "DELETE" => values.remove(rest).map(|_| String::new()),
        "KEYS" => {
            let keys: Vec<_> = values.keys().filter(|key| key.starts_with(rest)).cloned().collect();
            Some(keys.join(" "))
        }
        _ if rest.contains("/root") => return "REFUSED 403 not for you".into(),
        _ => rest.split_once(' ').map(|(key, value)| {
            values.insert(key.to_owned(), value.to_owned());
            String::new()
        }),
    };
    found.map_or_else(|| "NONE".into(), |value| format!("VALUE {value}"))
}

pub fn service(store: SocketAddr) -> Service {
    let store = Store::new(store);
    Service {
        notes: Arc::new(Remembered::new(StoredNotes::new(store))),
        sessions: Arc::new(StoredSessions::new(store)),
        store,
    }
}
