//! A gateway client that shows what is on the wire: no library decides what is sent when.

use std::time::Duration;

use flate2::{Decompress, FlushDecompress};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_websockets::{ClientBuilder, MaybeTlsStream, Message, WebSocketStream};
use zstd::stream::raw::{Decoder, InBuffer, Operation as _, OutBuffer};

use crate::sandbox_world::Sandbox;

const LONGEST: Duration = Duration::from_secs(20);
/// Messages of servers and of direct conversations, and their content.
pub(crate) const MESSAGES: u64 = 1 << 9 | 1 << 12 | 1 << 15;
/// Servers and channels too.
pub(crate) const SERVERS: u64 = MESSAGES | 1;

enum Codec {
    Plain,
    Zlib(Decompress),
    Zstd(Decoder<'static>),
}

/// One connection.
pub(crate) struct Wire {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    codec: Codec,
}

impl Wire {
    /// Connects; `query` as in `v=10&compress=zlib-stream`.
    pub(crate) async fn connect(sandbox: &Sandbox, query: &str) -> Self {
        let url = format!("ws://{}/gateway?{query}", sandbox.address);
        let client = ClientBuilder::new().uri(&url).unwrap();
        let (socket, _) = client.connect().await.unwrap();
        let codec = match query {
            query if query.contains("zlib-stream") => Codec::Zlib(Decompress::new(true)),
            query if query.contains("zstd-stream") => Codec::Zstd(Decoder::new().unwrap()),
            _ => Codec::Plain,
        };
        Self { socket, codec }
    }

    /// Connects, identifies and waits for READY.
    pub(crate) async fn ready(sandbox: &Sandbox, query: &str, identify: Value) -> (Self, Value) {
        let mut wire = Self::connect(sandbox, query).await;
        wire.send(2, identify).await;
        let ready = wire.event("READY").await;
        (wire, ready)
    }

    pub(crate) async fn send(&mut self, op: u64, body: Value) {
        self.send_text(&json!({"op": op, "d": body}).to_string())
            .await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.socket
            .send(Message::text(text.to_owned()))
            .await
            .unwrap();
    }

    /// Returns the next payload, or the code with which the other side closes.
    pub(crate) async fn next(&mut self) -> Result<Value, Option<u16>> {
        let message = timeout(LONGEST, self.socket.next()).await;
        match message.expect("something comes in time") {
            Some(Ok(message)) => match message.as_close() {
                Some((code, _)) => Err(Some(code.into())),
                None => {
                    let bytes = self.decode(&message.into_payload());
                    Ok(serde_json::from_slice(&bytes).unwrap())
                }
            },
            Some(Err(_)) | None => Err(None),
        }
    }

    fn decode(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(4 * 1024 * 1024);
        match &mut self.codec {
            Codec::Plain => text.extend_from_slice(bytes),
            Codec::Zlib(decoder) => {
                assert!(bytes.ends_with(&[0, 0, 0xff, 0xff]), "a flush ends it");
                decoder
                    .decompress_vec(bytes, &mut text, FlushDecompress::Sync)
                    .unwrap();
            }
            Codec::Zstd(decoder) => {
                let mut room = vec![0; 128 * 1024];
                let mut input = InBuffer::around(bytes);
                loop {
                    let mut output = OutBuffer::around(&mut room[..]);
                    decoder.run(&mut input, &mut output).unwrap();
                    let written = output.as_slice().len();
                    text.extend_from_slice(output.as_slice());
                    if input.pos == bytes.len() && written < room.len() {
                        break;
                    }
                }
            }
        }
        text
    }

    /// Reads on to the next payload with this opcode.
    pub(crate) async fn op(&mut self, op: u64) -> Value {
        loop {
            let payload = self.next().await.expect("the connection stays");
            if payload["op"] == op {
                return payload;
            }
        }
    }

    /// Reads on to the next event of that name and returns its body.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        loop {
            let payload = self.next().await.expect("the connection stays");
            if payload["t"] == name {
                return payload["d"].clone();
            }
        }
    }

    /// Reads on until the other side closes and returns its code; `None`: without a word.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }
}

/// What a client sends to identify.
pub(crate) fn identify(intents: u64) -> Value {
    json!({"token": "sandbox-token", "intents": intents, "properties": {"os": "linux"}})
}

/// The same for a shard.
pub(crate) fn identify_shard(intents: u64, number: u64, of: u64) -> Value {
    let mut body = identify(intents);
    body["shard"] = json!([number, of]);
    body
}
