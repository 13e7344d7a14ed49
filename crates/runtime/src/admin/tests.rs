use super::*;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Asks a running admin port as a scraper does and returns head and body.
async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

struct Served {
    address: SocketAddr,
    health: Health,
    stop: CancellationToken,
    tasks: TaskTracker,
}

async fn serve_here() -> Served {
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (health, stop, tasks) = (Health::new(), CancellationToken::new(), TaskTracker::new());
    let recorder = PrometheusBuilder::new().build_recorder();
    tasks.spawn(serve(
        listener,
        health.clone(),
        recorder.handle(),
        stop.clone(),
    ));
    Served {
        address,
        health,
        stop,
        tasks,
    }
}

/// CFG-123.
#[tokio::test]
async fn readiness_names_what_fails_and_turns_green_when_all_is_met() {
    let served = serve_here().await;
    let nats = served.health.check("nats");
    served.health.check("shards").set(true);

    let answer = get(served.address, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains(r#""failing":["nats"]"#), "{answer}");

    let probed = async || {
        let address = served.address;
        tokio::task::spawn_blocking(move || probe::ask(address)).await
    };
    assert!(!probed().await.unwrap().unwrap());

    nats.set(true);
    assert!(probed().await.unwrap().unwrap());
    let answer = get(served.address, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.contains(r#""checks":{"nats":true,"shards":true}"#),
        "{answer}"
    );
}

#[tokio::test]
async fn process_that_has_named_no_condition_yet_is_not_ready() {
    let served = serve_here().await;
    let answer = get(served.address, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
}

/// CFG-12, CFG-123.
#[tokio::test]
async fn liveness_metrics_and_unknown_paths_are_answered() {
    let served = serve_here().await;
    assert!(
        get(served.address, "/livez")
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert!(
        get(served.address, "/metrics")
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert!(
        get(served.address, "/secrets")
            .await
            .starts_with("HTTP/1.1 404")
    );
}

#[tokio::test]
async fn serving_ends_when_told_to() {
    let served = serve_here().await;
    served.stop.cancel();
    served.tasks.close();
    tokio::time::timeout(Duration::from_secs(5), served.tasks.wait())
        .await
        .unwrap();
}

#[tokio::test]
async fn taken_address_is_named_in_the_error() {
    let taken = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let error = bind(taken.local_addr().unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("HTTP_LISTEN"));
}
