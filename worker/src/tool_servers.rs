//! Sessions with tool servers, as far as this worker used them lately.
//!
//! A session belongs to one state of one row: whatever its administrators change, the next reply opens
//! another. It holds no connection (each request has its own), so an old one costs some memory only.

mod standing;

use std::sync::Arc;

use fetch::Client;
use keyring::{Keyring, TOOL_SERVER_TOKEN};
use mcp::{Limits, Server, Session};
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use proto::id::TenantId;
use secrecy::SecretString;
use store::{Store, ToolServer, ToolServerId};

pub(crate) use self::standing::{Standing, standings};
use crate::config::McpSettings;

/// Sessions at once; the one that was used longest ago gives way (NET-47).
const MOST_SESSIONS: u64 = 32;

/// Why a tool server is of no use now.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// What came of asking it.
    Failed(mcp::Error),
    /// Its token does not open, or the database does not answer.
    Token(store::Error),
}

/// Where what is needed of a tool server comes from, and whose it is.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub(crate) store: &'a Store,
    pub(crate) keyring: &'a Keyring,
    pub(crate) tenant: TenantId,
}

/// The sessions of this worker.
#[derive(Debug)]
pub(crate) struct ToolServers {
    client: Arc<Client>,
    limits: Limits,
    sessions: Cache<(ToolServerId, i32), Arc<Session>>,
}

impl ToolServers {
    pub(crate) fn new(client: Arc<Client>, settings: McpSettings) -> Self {
        let sessions = Cache::builder()
            .max_capacity(MOST_SESSIONS)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(settings.session_life)
            .build();
        Self {
            client,
            limits: settings.limits,
            sessions,
        }
    }

    /// Opens a session that nobody else uses, to find out whether it can be had.
    pub(crate) async fn try_out(
        &self,
        url: &str,
        token: Option<&SecretString>,
    ) -> Result<Session, mcp::Error> {
        let server = Server::new(&self.client, url, token, self.limits)?;
        Box::pin(Session::open(&server)).await
    }

    /// Returns the session with a tool server, and opens it where there is none; callers that come
    /// meanwhile wait for the same. Whether it could be reached is noted.
    pub(crate) async fn session(
        &self,
        owner: Owner<'_>,
        server: &ToolServer,
    ) -> Result<Arc<Session>, Arc<Unusable>> {
        let key = (server.id, server.row_version);
        if let Some(known) = self.sessions.get(&key).await
            && known.is_over()
        {
            self.sessions.invalidate(&key).await;
        }
        let opening = Box::pin(self.open(owner, server));
        self.sessions.try_get_with(key, opening).await
    }

    async fn open(&self, owner: Owner<'_>, server: &ToolServer) -> Result<Arc<Session>, Unusable> {
        let token = if server.has_token {
            let row = server.id.0;
            let opened = owner
                .store
                .secret(owner.keyring, TOOL_SERVER_TOKEN, row, owner.tenant)
                .await;
            opened.map_err(Unusable::Token)?
        } else {
            None
        };
        let opened = self.try_out(&server.url, token.as_ref()).await;
        let noted = owner
            .store
            .note_tool_server(owner.tenant, server.id, opened.is_ok())
            .await;
        if let Err(error) = noted {
            tracing::warn!(%error, "whether a tool server was reached is not noted");
        }
        opened.map(Arc::new).map_err(Unusable::Failed)
    }
}
