//! A way to a server that can be cut and mended.

use std::net::SocketAddr;

use dev::installation::Database;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Forwards all connections. While it is cut they stay open and silent, new ones too, as when the
/// server's host has vanished; mended it ends those and forwards later ones. Dropping it ends all.
pub(crate) struct Road {
    address: SocketAddr,
    is_cut: watch::Sender<bool>,
    _task: JoinSet<()>,
}

impl Road {
    /// Leads to `host:port`.
    pub(crate) async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (is_cut, watched) = watch::channel(false);
        let mut task = JoinSet::new();
        task.spawn(forward_all(listener, server, watched));
        Self {
            address,
            is_cut,
            _task: task,
        }
    }

    /// Leads to a database's server.
    pub(crate) async fn to_database(server: &Database) -> Self {
        Self::to(format!("{}:{}", server.host, server.port)).await
    }

    /// A database's server as it is reached by this road.
    pub(crate) fn way(&self, server: Database) -> Database {
        Database {
            host: self.address.ip().to_string(),
            port: self.address.port(),
            ..server
        }
    }

    /// A broker as it is reached by this road.
    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    pub(crate) fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    pub(crate) fn mend(&self) {
        self.is_cut.send_replace(false);
    }
}

async fn forward_all(listener: TcpListener, to: String, is_cut: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        connections.spawn(forward(client, to.clone(), is_cut.clone()));
    }
}

async fn forward(mut client: TcpStream, to: String, mut is_cut: watch::Receiver<bool>) {
    let forwarding = async {
        let mut server = TcpStream::connect(to).await.unwrap();
        // Who ends a connection, and how, is of no interest here.
        drop(copy_bidirectional(&mut client, &mut server).await);
    };
    tokio::select! {
        biased;
        _ = is_cut.wait_for(|is_cut| *is_cut) => {}
        () = forwarding => return,
    }
    drop(is_cut.wait_for(|is_cut| !is_cut).await);
}
