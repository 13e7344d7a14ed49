//! What the sandbox's operator makes a connection do.

use super::close::End;
use super::{Connection, clock};
use crate::sandbox::world::sessions::Order;

/// Op 1: send a heartbeat now.
const HEARTBEAT: &str = r#"{"t":null,"s":null,"op":1,"d":null}"#;
/// Op 7: come again and resume.
const RECONNECT: &str = r#"{"t":null,"s":null,"op":7,"d":null}"#;
/// Op 9: resume.
const RESUMABLE: &str = r#"{"t":null,"s":null,"op":9,"d":true}"#;
/// Op 9: identify anew.
pub(super) const INVALID_SESSION: &str = r#"{"t":null,"s":null,"op":9,"d":false}"#;

impl Connection {
    /// Does what was ordered.
    pub(super) async fn follow(&mut self, order: Order) -> Result<(), End> {
        match order {
            Order::Drop(None) => Err(End::Break),
            Order::Drop(Some(code)) => Err(End::Close(code, "Closed by the sandbox.")),
            Order::Reconnect => self.send(RECONNECT.into()).await,
            Order::Heartbeat => self.send(HEARTBEAT.into()).await,
            Order::Invalidate { is_resumable } => {
                self.detach(is_resumable);
                let told = if is_resumable {
                    RESUMABLE
                } else {
                    INVALID_SESSION
                };
                self.send(told.into()).await
            }
            Order::Silence => {
                self.is_silent = true;
                Ok(())
            }
        }
    }

    /// Takes the session away from this connection, on which the client may then identify or
    /// resume.
    fn detach(&mut self, is_resumable: bool) {
        let Some(attached) = self.attached.take() else {
            return;
        };
        let number = self.number;
        self.sandbox.with(|world| {
            if is_resumable {
                let now_ms = clock::now_ms();
                world.sessions.leave(&attached.session, number, now_ms);
            } else {
                world.sessions.end(&attached.session, number);
            }
        });
    }
}
