//! One session with one tool server: opened, asked for its tools, and used.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fetch::{Bounds, Client, Endpoint, Purpose, Trust};
use http::HeaderValue;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ClientCapabilities, Implementation,
    InitializeRequestParams, JsonObject, ListRootsRequestMethod, PaginatedRequestParams,
    ProtocolVersion,
};
use rmcp::service::{RequestContext, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::common::client_side_sse::NeverRetry;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, ErrorData, RoleClient, ServiceExt as _};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use crate::answer::Answer;
use crate::error::Error;
use crate::http_client::HttpClient;
use crate::tool::Tool;

/// The most tools of a server; what comes after them is left out (NET-49).
const MOST_TOOLS: usize = 64;
/// The most pages of a list of tools that are asked for.
const MOST_PAGES: usize = 16;

/// How long and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the first look-up to the list of tools (NET-47).
    pub connect: Duration,
    /// One call, from its look-up to the last byte of its answer (NET-47).
    pub call: Duration,
    /// The most bytes of one answer (NET-48).
    pub response_bytes: u64,
}

/// A tool server that somebody registered.
pub struct Server {
    url: Arc<str>,
    http: HttpClient,
    limits: Limits,
}

impl Server {
    /// Registers a server of a guild's administrators or of the operator; the text of its address is
    /// judged now, all of it again before each request.
    ///
    /// # Errors
    /// [`Error::Fetch`] with the first row of the policy that refuses the address, or for a token
    /// that no header can hold.
    pub fn new(
        client: &Arc<Client>,
        url: &str,
        token: Option<&SecretString>,
        limits: Limits,
    ) -> Result<Self, Error> {
        let endpoint = Endpoint::new(client, url, Purpose::ToolServer, Trust::Administrator)
            .map_err(|refusal| Error::Fetch(refusal.into()))?;
        Ok(Self {
            url: url.into(),
            http: HttpClient {
                endpoint,
                authorization: token.map(bearer).transpose()?,
                bounds: Bounds {
                    first_byte: limits.call,
                    silence: limits.call,
                    total: limits.call,
                    size_bytes: limits.response_bytes,
                },
            },
            limits,
        })
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, Error> {
    let field = format!("Bearer {}", token.expose_secret());
    let field = HeaderValue::from_str(&field);
    let mut field = field.map_err(|_odd| Error::Fetch(fetch::Code::InvalidFormat.into()))?;
    field.set_sensitive(true);
    Ok(field)
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("endpoint", &self.http.endpoint)
            .field("has_token", &self.http.authorization.is_some())
            .finish_non_exhaustive()
    }
}

/// A session. Dropping it ends it, and tells the server so where there is time.
pub struct Session {
    service: RunningService<RoleClient, Us>,
    tools: Vec<Tool>,
    limits: Limits,
    /// The server has forgotten it.
    is_lost: AtomicBool,
}

impl Session {
    /// Opens a session and asks for the server's tools.
    ///
    /// Cancel safe: no; dropped, the server may keep a session that nobody uses.
    ///
    /// # Errors
    /// Those of [`Error`].
    pub async fn open(server: &Server) -> Result<Self, Error> {
        let opening = Box::pin(Self::begin(server));
        let opened = timeout(server.limits.connect, opening).await;
        opened.unwrap_or(Err(Error::Slow))
    }

    async fn begin(server: &Server) -> Result<Self, Error> {
        let mut config = StreamableHttpClientTransportConfig::with_uri(Arc::clone(&server.url))
            // A lost session is told: whether a call may be made again is for its caller to say.
            .reinit_on_expired_session(false);
        config.retry_config = Arc::new(NeverRetry::default());
        let transport = StreamableHttpClientTransport::with_client(server.http.clone(), config);
        let service = Us.serve(transport).await.map_err(Error::of_start)?;
        let tools = list(&service).await?;
        Ok(Self {
            service,
            tools,
            limits: server.limits,
            is_lost: AtomicBool::new(false),
        })
    }

    /// The server's tools, in its order; at most 64.
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// The version of the protocol that was agreed on.
    pub fn version(&self) -> String {
        let info = self.service.peer_info();
        info.map_or_else(String::new, |info| info.protocol_version.to_string())
    }

    /// Tells whether nothing can be asked any more.
    pub fn is_over(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
            || self.service.is_closed()
            || self.service.is_transport_closed()
    }

    /// Calls a tool, once.
    ///
    /// Cancel safe: no; dropped, it is not known whether the tool ran.
    ///
    /// # Errors
    /// Those of [`Error`], which tells whether the tool may have run all the same.
    pub async fn call(&self, tool: &str, arguments: JsonObject) -> Result<Answer, Error> {
        let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let asked = Box::pin(self.service.call_tool_once(request));
        let asked = timeout(self.limits.call, asked).await;
        match asked.map_err(|_elapsed| Error::Slow)? {
            Ok(CallToolResponse::Complete(result)) => Ok(Answer::read(result)),
            // It asks us something in between, or wants to be asked again later.
            Ok(_) => Err(Error::Protocol),
            Err(error) => {
                let error = Error::of_request(error);
                if matches!(error, Error::SessionOver) {
                    self.is_lost.store(true, Ordering::Relaxed);
                }
                Err(error)
            }
        }
    }

    /// Ends the session and waits, for at most as long, until the server was told.
    pub async fn close(mut self, patience: Duration) {
        // Whatever became of it, it is over.
        drop(self.service.close_with_timeout(patience).await);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("tools", &self.tools.len())
            .field("is_over", &self.is_over())
            .finish_non_exhaustive()
    }
}

/// Asks for all pages of the list; a server that offers no tools is not asked.
async fn list(service: &RunningService<RoleClient, Us>) -> Result<Vec<Tool>, Error> {
    let info = service.peer_info();
    if info.is_none_or(|info| info.capabilities.tools.is_none()) {
        return Ok(Vec::new());
    }
    let mut tools: Vec<Tool> = Vec::new();
    let mut cursor = None;
    for _ in 0..MOST_PAGES {
        let page = PaginatedRequestParams::default().with_cursor(cursor);
        let page = service.list_tools(Some(page)).await;
        let page = page.map_err(Error::of_request)?;
        for tool in page.tools.into_iter().filter_map(Tool::read) {
            // The first of two with one name is the one that is called by it.
            if tools.len() < MOST_TOOLS && tools.iter().all(|known| known.name != tool.name) {
                tools.push(tool);
            }
        }
        cursor = page.next_cursor;
        if cursor.is_none() || tools.len() == MOST_TOOLS {
            break;
        }
    }
    Ok(tools)
}

/// What we are to a server: somebody who asks, and whom nothing can be asked (NET-51).
struct Us;

#[expect(deprecated, reason = "servers may still ask for roots")]
impl ClientHandler for Us {
    fn get_info(&self) -> InitializeRequestParams {
        let us = Implementation::new("TomoriBot", env!("CARGO_PKG_VERSION"));
        InitializeRequestParams::new(ClientCapabilities::default(), us)
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }

    async fn list_roots(
        &self,
        _context: RequestContext<RoleClient>,
    ) -> Result<rmcp::model::ListRootsResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListRootsRequestMethod>())
    }
}
