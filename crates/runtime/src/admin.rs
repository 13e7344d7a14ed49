//! The admin port: `/livez`, `/readyz`, `/metrics`. Nothing else, and nothing that changes anything.

pub mod probe;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A process whose main loop has not ticked for this long is dead (CFG-123).
const LIVENESS: Duration = Duration::from_secs(30);

/// A client that has not sent its request head by then is cut off.
const HEADER_DEADLINE: Duration = Duration::from_secs(10);

/// The whole of one connection: scrapers reconnect, idle ones do not pile up.
const CONNECTION_DEADLINE: Duration = Duration::from_mins(5);

/// How well the process is; a cheap clone that every part may hold.
#[derive(Clone, Debug)]
pub struct Health {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    started: Instant,
    last_tick_ms: AtomicU64,
    checks: Mutex<BTreeMap<&'static str, Arc<AtomicBool>>>,
}

/// One named condition of readiness. It starts as not met.
#[derive(Clone, Debug)]
pub struct Check {
    met: Arc<AtomicBool>,
}

impl Check {
    /// Records whether the condition is met now.
    pub fn set(&self, met: bool) {
        self.met.store(met, Ordering::Relaxed);
    }

    /// Tells whether the condition was met when it was last looked at.
    pub fn is_met(&self) -> bool {
        self.met.load(Ordering::Relaxed)
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// Starts with no conditions and a fresh tick.
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                started: Instant::now(),
                last_tick_ms: AtomicU64::new(0),
                checks: Mutex::default(),
            }),
        }
    }

    /// Adds the condition `name`, or returns it if it is there.
    pub fn check(&self, name: &'static str) -> Check {
        let mut checks = self
            .shared
            .checks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Check {
            met: Arc::clone(checks.entry(name).or_default()),
        }
    }

    /// Says that the main loop is alive; to be called at least every few seconds.
    pub fn tick(&self) {
        self.shared
            .last_tick_ms
            .store(self.elapsed_ms(), Ordering::Relaxed);
    }

    /// Tells whether the main loop ticked within the last 30 s.
    pub fn is_live(&self) -> bool {
        // A tick of another thread may come in between.
        let last_tick_ms = self.shared.last_tick_ms.load(Ordering::Relaxed);
        let silence_ms = self.elapsed_ms().saturating_sub(last_tick_ms);
        Duration::from_millis(silence_ms) <= LIVENESS
    }

    /// Returns every condition by name, sorted.
    pub fn checks(&self) -> BTreeMap<&'static str, bool> {
        let checks = self
            .shared
            .checks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        checks
            .iter()
            .map(|(name, met)| (*name, met.load(Ordering::Relaxed)))
            .collect()
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.shared.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Binds the admin port.
///
/// # Errors
/// The address is taken or not ours; the message names it.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| BindError { address, source })
}

/// The admin port could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} (HTTP_LISTEN); is another process using it?")]
pub struct BindError {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// Answers on the admin port until `stop` fires. Cancel safe: connections are simply cut.
pub async fn serve(
    listener: TcpListener,
    health: Health,
    metrics: PrometheusHandle,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let answering = answer(stream, health.clone(), metrics.clone());
                let stop = stop.clone();
                connections.spawn(async move { stop.run_until_cancelled(answering).await });
            }
            Err(error) => {
                tracing::warn!(%error, "admin port: a connection was not accepted");
                // Out of descriptors, most likely: a pause instead of a hot loop.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(stream: TcpStream, health: Health, metrics: PrometheusHandle) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = route(request.method(), request.uri().path(), &health, &metrics);
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = tokio::time::timeout(CONNECTION_DEADLINE, connection).await {
        tracing::debug!(%error, "admin port: a connection broke");
    }
}

fn route(
    method: &Method,
    path: &str,
    health: &Health,
    metrics: &PrometheusHandle,
) -> Response<Full<Bytes>> {
    if method != Method::GET && method != Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
    }
    match path {
        "/livez" if health.is_live() => plain(StatusCode::OK, "live\n"),
        "/livez" => plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "the main loop stands still\n",
        ),
        "/readyz" => readiness(health),
        "/metrics" => respond(
            StatusCode::OK,
            "text/plain; version=0.0.4; charset=utf-8",
            crate::metrics::render(metrics),
        ),
        _ => plain(StatusCode::NOT_FOUND, "/livez, /readyz or /metrics\n"),
    }
}

fn readiness(health: &Health) -> Response<Full<Bytes>> {
    let checks = health.checks();
    let failing: Vec<_> = checks
        .iter()
        .filter(|(_, met)| !**met)
        .map(|(name, _)| *name)
        .collect();
    // Without conditions the process is still starting, and this port opens early.
    let ready = !checks.is_empty() && failing.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = serde_json::json!({ "ready": ready, "failing": failing, "checks": checks });
    respond(status, "application/json", format!("{body}\n"))
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=utf-8", text)
}

fn respond(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    response
}

#[cfg(test)]
mod tests;
