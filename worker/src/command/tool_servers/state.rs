//! A tool server as the panel shows it: its row, and what it says of its tools now. Reads only.

use std::sync::Arc;

use keyring::TOOL_SERVER_TOKEN;
use mcp::{Session, Tool};
use proto::id::TenantId;
use secrecy::SecretString;
use store::{ToolServer, ToolServerId};

use crate::app::App;
use crate::command::reading::unreadable;
use crate::notice::{Notice, PanelText, ToolServerFault, ToolServersText};
use crate::tool_servers::{Owner, Standing, Unusable, standings};

/// A tool server with what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    pub(super) server: ToolServer,
    pub(super) tools: Tools,
}

/// What a tool server says of its tools.
#[derive(Clone, Debug)]
pub(super) enum Tools {
    /// It is switched off, so nobody asked.
    NotAsked,
    /// It rests; replies do not ask it either.
    Resting,
    /// Why it says nothing.
    Silent(ToolServerFault),
    /// What it offers, in its order.
    Told(Vec<Tool>),
}

/// Reads all tool servers of a tenant.
///
/// # Errors
/// `NotSetUp` for a server without settings; what to say when the database does not answer.
pub(super) async fn list(app: &App, tenant: TenantId) -> Result<Vec<ToolServer>, Notice> {
    let listed = app.store.tool_servers(tenant).await.map_err(unreadable)?;
    listed.ok_or(Notice::NotSetUp)
}

/// Reads one.
///
/// # Errors
/// As [`list`], and that it is gone.
pub(super) async fn one(
    app: &App,
    tenant: TenantId,
    id: ToolServerId,
) -> Result<ToolServer, Notice> {
    let mut listed = list(app, tenant).await?.into_iter();
    let found = listed.find(|server| server.id == id);
    found.ok_or(Notice::Panel(PanelText::ChangedMeanwhile))
}

/// Reads one and asks it for its tools, unless a session has them.
///
/// # Errors
/// As [`one`].
pub(super) async fn look(app: &App, tenant: TenantId, id: ToolServerId) -> Result<Looked, Notice> {
    let server = one(app, tenant, id).await?;
    let tools = if !server.is_enabled {
        Tools::NotAsked
    } else if server.is_resting {
        Tools::Resting
    } else {
        match session(app, tenant, &server).await {
            Ok(session) => Tools::Told(session.tools().to_vec()),
            Err(fault) => Tools::Silent(fault),
        }
    };
    // Once more: that it was reached or not may be noted in its row by now.
    let server = one(app, tenant, id).await?;
    Ok(Looked { server, tools })
}

async fn session(
    app: &App,
    tenant: TenantId,
    server: &ToolServer,
) -> Result<Arc<Session>, ToolServerFault> {
    let keyring = app.keys.get();
    let owner = Owner {
        store: &app.store,
        keyring: &keyring,
        tenant,
    };
    let opened = Box::pin(app.tool_servers.session(owner, server)).await;
    opened.map_err(|unusable| match &*unusable {
        Unusable::Failed(error) => fault(error),
        Unusable::Token(_) => ToolServerFault::Broken,
    })
}

/// Opens the token of a tool server, where it has one.
///
/// # Errors
/// That it does not open, or that the database does not answer.
pub(super) async fn token(
    app: &App,
    tenant: TenantId,
    server: &ToolServer,
) -> Result<Option<SecretString>, Notice> {
    if !server.has_token {
        return Ok(None);
    }
    let keyring = app.keys.get();
    let opened = app
        .store
        .secret(&keyring, TOOL_SERVER_TOKEN, server.id.0, tenant)
        .await;
    match opened {
        Ok(opened) => Ok(opened),
        Err(error) if error.is_unavailable() => Err(Notice::DatabaseAway),
        Err(error) => {
            tracing::warn!(?error, "a stored token of a tool server does not open");
            Err(ToolServersText::Fault(ToolServerFault::Broken).into())
        }
    }
}

/// Returns what is said of a failure.
pub(super) fn fault(error: &mcp::Error) -> ToolServerFault {
    use mcp::Error as E;
    match error {
        E::Fetch(fetch::Error::Refused(refusal)) => ToolServerFault::Refused {
            code: refusal.code.as_str(),
        },
        E::Status(401 | 403) => ToolServerFault::WrongToken,
        E::Status(status) => ToolServerFault::Status(*status),
        E::Slow | E::Fetch(fetch::Error::Timeout(_)) => ToolServerFault::Slow,
        E::Fetch(fetch::Error::TooLarge { .. }) => ToolServerFault::TooLarge,
        E::Fetch(_) | E::CutOff => ToolServerFault::Unreachable,
        E::Protocol | E::Rejected { .. } | E::SessionOver => ToolServerFault::Protocol,
    }
}

impl Looked {
    /// Tells how each of its tools stands, in its order.
    pub(super) fn standings(&self) -> Vec<Standing<'_>> {
        match &self.tools {
            Tools::Told(tools) => standings(&self.server, tools),
            Tools::NotAsked | Tools::Resting | Tools::Silent(_) => Vec::new(),
        }
    }
}
