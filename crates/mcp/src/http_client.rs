//! The library's only way to the network: requests to one registered origin, through the guarded client.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use fetch::{Body, Bounds, Endpoint, Response};
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_client::{
    HttpStatusError, SseError, StreamableHttpClient, StreamableHttpError,
    StreamableHttpPostResponse,
};
use sse_stream::{Sse, SseStream};

use crate::size;

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
const ACCEPTED: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");

type Failure = StreamableHttpError<fetch::Error>;

/// Sends requests to one tool server.
#[derive(Clone)]
pub(crate) struct HttpClient {
    pub(crate) endpoint: Endpoint,
    /// What `Authorization` says; marked as sensitive.
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) bounds: Bounds,
}

impl HttpClient {
    async fn send(
        &self,
        (method, uri): (Method, &str),
        session: Option<&str>,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, Failure> {
        headers.insert(ACCEPT, ACCEPTED);
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if let Some(session) = session {
            // What a server made up that no header can hold is no session.
            let session = HeaderValue::from_str(session);
            headers.insert(SESSION_ID, session.map_err(|_odd| unexpected())?);
        }
        let sent = self
            .endpoint
            .send(method, uri.to_owned(), headers, body, self.bounds);
        // Boxed: it is large, and the library holds several.
        Box::pin(sent).await.map_err(StreamableHttpError::Client)
    }
}

impl StreamableHttpClient for HttpClient {
    type Error = fetch::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _authorization: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let mut headers: HeaderMap = headers.into_iter().collect();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        let body = Bytes::from(serde_json::to_vec(&message)?);
        let post = (Method::POST, &*uri);
        let response = self.send(post, session.as_deref(), headers, body).await?;
        let is_question = matches!(message, ClientJsonRpcMessage::Request(_));
        match response.status {
            StatusCode::NOT_FOUND if session.is_some() => Err(StreamableHttpError::SessionExpired),
            status if !status.is_success() => {
                Err(HttpStatusError::new(status.as_u16(), None).into())
            }
            _ if !is_question => Ok(StreamableHttpPostResponse::Accepted),
            _ => answer(response).await,
        }
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        _authorization: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Failure> {
        let headers = headers.into_iter().collect();
        let delete = (Method::DELETE, &*uri);
        // What it answers changes nothing: the session is not used again.
        self.send(delete, Some(&session), headers, Bytes::new())
            .await
            .map(drop)
    }

    /// Opens none: what a server says comes with the request that asked for it, under its bounds.
    async fn get_stream(
        &self,
        _uri: Arc<str>,
        _session: Option<Arc<str>>,
        _last_event: Option<String>,
        _authorization: Option<String>,
        _headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Failure> {
        Err(StreamableHttpError::ServerDoesNotSupportSse)
    }
}

/// Reads the answer to a question, or begins to.
async fn answer(response: Response) -> Result<StreamableHttpPostResponse, Failure> {
    let field = |name| {
        let value: Option<&HeaderValue> = response.headers.get(name);
        value.and_then(|value| value.to_str().ok())
    };
    let session = field(SESSION_ID).map(str::to_owned);
    let kind = field(CONTENT_TYPE).and_then(|kind| kind.split(';').next());
    let is = |expected: &str| kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case(expected));
    if is(EVENTS) {
        let events = events(response.body);
        return Ok(StreamableHttpPostResponse::Sse(events, session));
    }
    if !is(JSON) {
        return Err(StreamableHttpError::UnexpectedContentType(None));
    }
    let body = response.body.read().await;
    let body = body.map_err(StreamableHttpError::Client)?;
    if !size::is_bearable(&body) {
        return Err(unexpected());
    }
    let message: ServerJsonRpcMessage =
        serde_json::from_slice(&body).map_err(|_unreadable| unexpected())?;
    Ok(StreamableHttpPostResponse::Json(message, session))
}

/// The events of an answer, each of them bearable.
fn events(body: Body) -> BoxStream<'static, Result<Sse, SseError>> {
    let bytes = stream::try_unfold(body, async |mut body| {
        let chunk = body.chunk().await?;
        Ok::<_, fetch::Error>(chunk.map(|chunk| (chunk, body)))
    });
    let events = SseStream::from_bytes_stream(Box::pin(bytes));
    let bearable = events.map(|event| {
        let event = event?;
        match &event.data {
            Some(data) if !size::is_bearable(data.as_bytes()) => Err(SseError::InvalidLine),
            _ => Ok(event),
        }
    });
    bearable.boxed()
}

/// Without what it was: nobody should read that in an error.
fn unexpected() -> Failure {
    StreamableHttpError::UnexpectedServerResponse("no message of the protocol".into())
}
