//! A browser for a test: Chromium without a screen, driven through chromedriver's own protocol.
//!
//! Only `./dev test --browser` needs it, which also installs it.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dev::process::POLL;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::time::Instant;

/// The longest wait for something that must appear; the machine may be busy.
const LONGEST: Duration = Duration::from_mins(1);
/// How the protocol names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// What is typed for a key that is no letter.
pub(crate) const ENTER: &str = "\u{e007}";

/// A browser with one window.
pub(crate) struct Browser {
    driver: Child,
    session: String,
    folder: PathBuf,
}

impl Browser {
    /// Starts one that nobody has used before.
    pub(crate) async fn start() -> Self {
        let name = format!("browser-{:016x}", rand::random::<u64>());
        let folder = std::env::temp_dir().join(name);
        let port = free_port();
        let driver = Command::new("chromedriver")
            .args([format!("--port={port}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("chromedriver starts: run ./dev test --browser");
        let url = format!("http://127.0.0.1:{port}");
        let mut browser = Self {
            driver,
            session: url.clone(),
            folder,
        };
        browser.until_it_answers().await;
        let session = browser
            .send(Method::POST, "/session", &capabilities(&browser.folder))
            .await;
        let id = session["sessionId"].as_str().unwrap();
        browser.session = format!("{url}/session/{id}");
        browser
    }

    async fn until_it_answers(&self) {
        let deadline = Instant::now() + LONGEST;
        while dev::http::get(&format!("{}/status", self.session))
            .await
            .is_err()
        {
            assert!(Instant::now() < deadline, "chromedriver does not answer");
            tokio::time::sleep(POLL).await;
        }
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Value {
        let (status, answer) = self.try_send(method, path, body).await;
        assert!(
            status.is_success(),
            "{path}: {}",
            answer["value"]["message"]
        );
        answer["value"].clone()
    }

    async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> (http::StatusCode, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.session))
            .header("content-type", "application/json")
            .body(Full::<bytes::Bytes>::from(body))
            .unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.request(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// Opens an address.
    pub(crate) async fn open(&self, url: &str) {
        self.send(Method::POST, "/url", &json!({"url": url})).await;
    }

    /// Runs a function body in the page and returns its value.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.send(
            Method::POST,
            "/execute/sync",
            &json!({"script": script, "args": []}),
        )
        .await
    }

    /// Waits until an expression is true in the page.
    pub(crate) async fn until(&self, expression: &str) {
        let deadline = Instant::now() + LONGEST;
        while self.run(&format!("return Boolean({expression})")).await != true {
            assert!(Instant::now() < deadline, "never true: {expression}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until some element of `selector` shows this text.
    pub(crate) async fn until_shown(&self, selector: &str, text: &str) {
        let (selector, text) = (json!(selector), json!(text));
        self.until(&format!(
            "[...document.querySelectorAll({selector})].some((one) => one.textContent.includes({text}))"
        ))
        .await;
    }

    async fn element(&self, selector: &str) -> String {
        self.until(&format!("document.querySelector({})", json!(selector)))
            .await;
        let body = json!({"using": "css selector", "value": selector});
        let found = self.send(Method::POST, "/element", &body).await;
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Clicks an element as a person does: it must be in sight.
    pub(crate) async fn click(&self, selector: &str) {
        self.act(selector, "click", &json!({})).await;
    }

    /// Types into an element.
    pub(crate) async fn write(&self, selector: &str, text: &str) {
        self.act(selector, "value", &json!({"text": text})).await;
    }

    /// Does something with an element, again if the page drew it anew at that moment.
    async fn act(&self, selector: &str, action: &str, body: &Value) {
        let deadline = Instant::now() + LONGEST;
        loop {
            let element = self.element(selector).await;
            let path = format!("/element/{element}/{action}");
            let (status, answer) = self.try_send(Method::POST, &path, body).await;
            if status.is_success() {
                return;
            }
            let (error, message) = (&answer["value"]["error"], &answer["value"]["message"]);
            let is_stale = error == "stale element reference";
            assert!(
                is_stale && Instant::now() < deadline,
                "{action} {selector}: {message}"
            );
        }
    }

    /// Returns what the page complained about.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self
            .send(Method::POST, "/se/log", &json!({"type": "browser"}))
            .await;
        let entries = log.as_array().unwrap().iter();
        let bad = entries.filter(|entry| entry["level"] != "INFO" && entry["level"] != "DEBUG");
        bad.map(|entry| entry["message"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Ends it in order.
    pub(crate) async fn quit(self) {
        self.send(Method::DELETE, "", &Value::Null).await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Chromium ends with its driver: they are joined by a pipe.
        drop(self.driver.kill());
        drop(self.driver.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn capabilities(folder: &std::path::Path) -> Value {
    let profile = format!("--user-data-dir={}", folder.display());
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--remote-debugging-pipe",
        "--window-size=1280,860",
        &profile,
    ];
    json!({"capabilities": {"alwaysMatch": {
        "browserName": "chrome",
        "goog:chromeOptions": {"args": arguments},
        "goog:loggingPrefs": {"browser": "ALL"},
    }}})
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
