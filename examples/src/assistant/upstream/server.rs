//! Runs the embedded API's socket: it listens, refuses connections, and breaks open ones.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};

use super::{Behaviour, Shared, model};

const BACKLOG: u32 = 1024;

/// Waits, unless the time is zero: then no other task gets a turn.
pub(super) async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

/// Binds a port without listening on it: the system then refuses connections, and no other process
/// can take it.
pub(super) fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Earlier connections linger on the port; without this it would be in use for a minute.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Serves the API while it accepts connections, and refuses connections the rest of the time.
pub(super) async fn run(mut socket: TcpSocket, address: SocketAddr, shared: Arc<Shared>) -> io::Result<Infallible> {
    let routes = model::routes(Arc::clone(&shared));
    let mut behaviour = shared.behaviour.subscribe();
    loop {
        if *behaviour.borrow() != Behaviour::Refuse {
            let listener = socket.listen(BACKLOG)?;
            let mut connections = JoinSet::new();
            shared.reachable.send_replace(true);
            tokio::select! {
                _ = behaviour.wait_for(|behaviour| *behaviour == Behaviour::Refuse) => {}
                never = accept(&listener, &routes, &mut connections) => match never {},
            }
            drop(listener);
            connections.shutdown().await;
            socket = reserve(address)?;
        }
        shared.reachable.send_replace(false);
        let _ = behaviour.wait_for(|behaviour| *behaviour != Behaviour::Refuse).await;
    }
}

async fn accept(listener: &TcpListener, routes: &Router, connections: &mut JoinSet<()>) -> Infallible {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Mostly too many open files, which passes.
            Err(error) => {
                tracing::warn!(%error, "the embedded API cannot take a connection");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(stream, routes.clone()));
    }
}

/// Serves one connection directly: `axum::serve` would keep it open after the listener is gone.
async fn serve(stream: TcpStream, routes: Router) {
    let service = TowerToHyperService::new(routes);
    if let Err(error) = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(error, "a connection to the embedded API broke");
    }
}
