//! A wire between the product and a server that can be cut: all connections break at once.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A wire that is laid; it ends with this value.
#[derive(Debug)]
pub(super) struct Wire {
    port: u16,
    cuts: watch::Sender<u64>,
    task: tokio::task::JoinHandle<()>,
}

impl Wire {
    /// Listens on a port of its own and passes everything on to the server, whether that is there
    /// yet or not.
    pub(super) async fn lay(server: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.context("no wire can be laid on 127.0.0.1")?;
        let port = listener.local_addr()?.port();
        let cuts = watch::Sender::new(0);
        let passing = pass(listener, server, cuts.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "its handle is kept and ends it with the wire"
        )]
        let task = tokio::spawn(passing);
        Ok(Self { port, cuts, task })
    }

    /// Returns the port on which the product finds the server.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Breaks every connection; new ones are taken at once.
    pub(super) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(listener: TcpListener, server: u16, cuts: watch::Sender<u64>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    connections.spawn(join(client, server, cuts.subscribe()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn join(mut client: TcpStream, server: u16, mut cut: watch::Receiver<u64>) {
    let address = SocketAddr::from(([127, 0, 0, 1], server));
    let Ok(mut server) = TcpStream::connect(address).await else {
        return;
    };
    for end in [&client, &server] {
        // Small messages wait for nobody on a real wire of this length either.
        drop(end.set_nodelay(true));
    }
    tokio::select! {
        // How a connection ends tells nobody anything.
        ended = copy_bidirectional(&mut client, &mut server) => drop(ended),
        _ = cut.changed() => {}
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_cut_breaks_connections_and_new_ones_pass() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire = Wire::lay(server.local_addr().unwrap().port())
            .await
            .unwrap();
        for _ in 0..2 {
            let mut client = TcpStream::connect(("127.0.0.1", wire.port()))
                .await
                .unwrap();
            let (mut other, _) = server.accept().await.unwrap();
            client.write_all(b"word").await.unwrap();
            let mut heard = [0; 4];
            other.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"word");
            wire.cut();
            assert_eq!(client.read(&mut heard).await.unwrap_or_default(), 0);
        }
    }
}
