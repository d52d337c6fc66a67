//! Runs a TLS server that no client trusts, or that closes its connections in the handshake.

use breaker_servers::free_port;
use std::sync::Arc;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// The end of each handshake.
#[derive(Clone, Copy, Debug)]
pub enum Handshake {
    /// The server signs its certificate itself.
    Untrusted,
    Ends,
    Resets,
}

#[derive(Debug)]
pub struct Tls {
    pub port: u16,
    accepting: JoinHandle<()>,
}

impl Tls {
    pub async fn start(handshake: Handshake) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", free_port())).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = acceptor();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(shake(handshake, stream, acceptor.clone()));
            }
        });
        Self { port, accepting }
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn shake(handshake: Handshake, mut stream: TcpStream, acceptor: TlsAcceptor) {
    if let Handshake::Untrusted = handshake {
        drop(acceptor.accept(stream).await);
        return;
    }
    let _ = stream.read_u8().await;
    match handshake {
        Handshake::Resets => stream.set_zero_linger().unwrap_or_default(),
        // Unread bytes would make it a reset.
        _ => while let Ok(1..) = stream.try_read(&mut [0; 1024]) {},
    }
}

fn acceptor() -> TlsAcceptor {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let provider = rustls::crypto::ring::default_provider();
    let config = rustls::ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key.into())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
