//! A host between the store and the database, which vanishes.
#![expect(
    clippy::disallowed_methods,
    reason = "what is forwarded ends with the test's runtime"
)]

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use store::Settings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// How PostgreSQL ends each answer: `ReadyForQuery`, five bytes long.
const READY: &[u8] = b"Z\0\0\0\x05";

/// Forwards everything, but of the first connection only so many answers: then its server is
/// silent, and the connection stays open. Later connections reach another host, so to say.
pub(crate) struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Proxy {
    pub(crate) async fn start(settings: &Settings, answers: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = (settings.host.clone(), settings.port);
        tokio::spawn(async move {
            let mut answers = answers;
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(server.clone()).await.unwrap();
                tokio::spawn(forward(client, server, answers));
                answers = usize::MAX;
            }
        });
        Self {
            host: address.ip().to_string(),
            port: address.port(),
        }
    }
}

/// Forwards everything and keeps all that it hears, in both directions.
pub(crate) struct Recorder {
    pub(crate) host: String,
    pub(crate) port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    pub(crate) async fn start(settings: &Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = (settings.host.clone(), settings.port);
        let heard = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&heard);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(server.clone()).await.unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(relay(from_client, to_server, Arc::clone(&keep)));
                tokio::spawn(relay(from_server, to_client, Arc::clone(&keep)));
            }
        });
        Self {
            host: address.ip().to_string(),
            port: address.port(),
            heard,
        }
    }

    /// Tells whether these bytes were heard as they are, or as PostgreSQL writes `bytea`.
    pub(crate) fn has_heard(&self, text: &str) -> bool {
        let hex = text.bytes().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        let heard = self.heard.lock().unwrap();
        [text, &hex].iter().any(|wanted| {
            let wanted = wanted.as_bytes();
            heard.windows(wanted.len()).any(|window| window == wanted)
        })
    }
}

async fn relay(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    heard: Arc<Mutex<Vec<u8>>>,
) -> io::Result<()> {
    let mut buffer = vec![0; 65_536];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        heard.lock().unwrap().extend_from_slice(&buffer[..count]);
        to.write_all(&buffer[..count]).await?;
    }
}

async fn forward(client: TcpStream, server: TcpStream, answers: usize) -> io::Result<()> {
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { copy(&mut from_client, &mut to_server).await });
    forward_answers(from_server, to_client, answers).await
}

async fn forward_answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    answers: usize,
) -> io::Result<()> {
    let mut seen = 0;
    let mut buffer = vec![0; 65_536];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 && seen < answers {
            return Ok(());
        }
        if count == 0 {
            return std::future::pending().await;
        }
        let bytes = &buffer[..count];
        if seen < answers {
            to.write_all(bytes).await?;
        }
        seen += bytes.windows(READY.len()).filter(|at| *at == READY).count();
    }
}
