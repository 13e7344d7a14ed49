//! Production reads its secrets from AWS Secrets Manager; each way to fail says what to do.

use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::eventually;
use crate::process::{command, free_address};

/// A value that nothing may ever show.
const PLANTED: &str = "hunter2-hunter2";
const SECRETS: &str =
    r#"{"DISCORD_TOKEN":"hunter2-hunter2","NATS_TOKEN":"hunter2-hunter2","POSTGRES_PORT":5432}"#;

/// A stand-in for AWS of this test alone; it ends with the value.
struct Moto {
    _child: Child,
    address: String,
}

impl Moto {
    /// Starts one that answers whoever asks.
    async fn open() -> Self {
        Self::start("100000").await
    }

    /// Starts one that looks at rights after so many calls.
    async fn start(calls_without_rights: &str) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "tests find their servers by environment"
        )]
        let program = std::env::var("TEST_MOTO_SERVER")
            .expect("TEST_MOTO_SERVER is not set: run ./dev test, which installs the server");
        let address = free_address().await;
        let port = address.rsplit_once(':').unwrap().1;
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", port])
            .env("INITIAL_NO_AUTH_ACTION_COUNT", calls_without_rights)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let moto = Self {
            _child: child,
            address,
        };
        eventually("moto answers", async || {
            TcpStream::connect(&moto.address).await.ok()
        })
        .await;
        moto
    }

    async fn create_secret(&self, name: &str, text: &str) {
        let body = serde_json::json!({
            "Name": name,
            "SecretString": text,
            "ClientRequestToken": "01234567-0123-0123-0123-012345678901",
        });
        let headers = "Content-Type: application/x-amz-json-1.1\r\n\
                       X-Amz-Target: secretsmanager.CreateSecret\r\n";
        let answer = self
            .call("secretsmanager", headers, &body.to_string())
            .await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Makes a user without any right and returns its access key: id and secret.
    async fn create_user(&self) -> (String, String) {
        let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
        let call = async |action: &str| {
            let body = format!("Action={action}&UserName=nobody&Version=2010-05-08");
            self.call("iam", headers, &body).await
        };
        call("CreateUser").await;
        let answer = call("CreateAccessKey").await;
        let element = |name: &str| {
            let (_, rest) = answer.split_once(&format!("<{name}>")).unwrap();
            rest.split_once('<').unwrap().0.to_owned()
        };
        (element("AccessKeyId"), element("SecretAccessKey"))
    }

    /// One call of AWS's API; the stand-in reads the service out of the signature's scope.
    async fn call(&self, service: &str, headers: &str, body: &str) -> String {
        let scope = format!("test/20260101/us-east-1/{service}/aws4_request");
        let length = body.len();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0\r\n\
             {headers}\r\n{body}",
            self.address,
        );
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

/// A gateway in production that prints its settings and ends.
fn production(endpoint: &str) -> Command {
    let mut command = command();
    command
        .arg("--print-settings")
        .env("RUN_ENV", "production")
        .env("NATS_ALLOW_PLAINTEXT", "true")
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", PLANTED);
    command
}

/// Runs it; returns exit code and everything it printed.
async fn run(command: &mut Command) -> (i32, String) {
    let output = command.stdout(Stdio::piped()).output().await.unwrap();
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8(printed).unwrap();
    assert!(!printed.contains("hunter2"), "{printed}");
    (output.status.code().unwrap(), printed)
}

/// SEC-3, SEC-7, CFG-23.
#[tokio::test]
async fn production_takes_its_secrets_from_the_secret_store_alone() {
    let moto = Moto::open().await;
    moto.create_secret("tomoribot/production", SECRETS).await;
    let endpoint = format!("http://{}", moto.address);
    let (code, printed) = run(production(&endpoint).env("NATS_NKEY_SEED", PLANTED)).await;
    assert_eq!(code, 0, "{printed}");
    for expected in [
        "DISCORD_TOKEN=(set)\n    secret store;",
        "NATS_TOKEN=(set)\n    secret store;",
        "NATS_NKEY_SEED=(not set)",
    ] {
        assert!(printed.contains(expected), "{expected}\n{printed}");
    }
}

/// SEC-7, SEC-16.
#[tokio::test]
async fn secrets_that_the_store_does_not_hold_are_listed_together() {
    let moto = Moto::open().await;
    moto.create_secret("mine", r#"{"OTHER":"hunter2"}"#).await;
    let endpoint = format!("http://{}", moto.address);
    let (code, printed) = run(production(&endpoint)
        .env("SECRETS_ID", "mine")
        .env("DISCORD_TOKEN", PLANTED)
        .env("LOG_LEVEL", "loud"))
    .await;
    assert_eq!(code, 2, "{printed}");
    assert!(printed.contains("2 problems"), "{printed}");
    let expected = "DISCORD_TOKEN is missing; add it to the secret that SECRETS_ID names";
    assert!(printed.contains(expected), "{printed}");
}

/// SEC-6, CFG-24.
#[tokio::test]
async fn secret_that_does_not_exist_is_named_with_its_region() {
    let moto = Moto::open().await;
    let endpoint = format!("http://{}", moto.address);
    let (code, printed) = run(production(&endpoint).env("AWS_REGION", "eu-west-1")).await;
    assert_eq!(code, 2, "{printed}");
    let expected = "1 problem with the settings:\n  SECRETS_ID names the secret \
                    tomoribot/production, which does not exist in region eu-west-1;";
    assert!(printed.contains(expected), "{printed}");
}

/// SEC-6.
#[tokio::test]
async fn secret_that_is_no_json_object_is_told_so_and_not_shown() {
    let moto = Moto::open().await;
    moto.create_secret("broken", "{\"DISCORD_TOKEN\":\n hunter2")
        .await;
    moto.create_secret("list", r#"["hunter2"]"#).await;
    let endpoint = format!("http://{}", moto.address);
    for (id, expected) in [
        (
            "broken",
            "SECRETS_ID names a secret that is not JSON (line 2);",
        ),
        (
            "list",
            "SECRETS_ID names a secret that holds no JSON object;",
        ),
    ] {
        let (code, printed) = run(production(&endpoint).env("SECRETS_ID", id)).await;
        assert_eq!(code, 2, "{printed}");
        assert!(printed.contains(expected), "{expected}\n{printed}");
    }
}

/// SEC-6.
#[tokio::test]
async fn role_without_the_right_is_told_which_one_it_needs() {
    let moto = Moto::start("2").await;
    let (id, secret) = moto.create_user().await;
    let endpoint = format!("http://{}", moto.address);
    let (code, printed) = run(production(&endpoint)
        .env("AWS_ACCESS_KEY_ID", id)
        .env("AWS_SECRET_ACCESS_KEY", &secret))
    .await;
    assert_eq!(code, 2, "{printed}");
    assert!(printed.contains("to which access is denied"), "{printed}");
    assert!(
        printed.contains("secretsmanager:GetSecretValue"),
        "{printed}"
    );
    assert!(!printed.contains(&secret), "{printed}");
}

/// SEC-5, SEC-6.
#[tokio::test]
async fn store_that_is_away_is_asked_three_times_and_named() {
    let nobody = free_address().await;
    let endpoint = format!("http://{nobody}");
    let started = tokio::time::Instant::now();
    let (code, printed) = run(&mut production(&endpoint)).await;
    assert_eq!(code, 2, "{printed}");
    let expected = format!("SECRETS_ID cannot be asked for: {endpoint} cannot be reached");
    assert!(printed.contains(&expected), "{printed}");
    // The pauses between three attempts: half a second and a second.
    assert!(started.elapsed().as_millis() >= 1500, "{printed}");
}

#[tokio::test]
async fn process_without_a_role_is_told_so() {
    let nobody = free_address().await;
    let (code, printed) = run(production(&format!("http://{nobody}"))
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("AWS_EC2_METADATA_DISABLED", "true"))
    .await;
    assert_eq!(code, 2, "{printed}");
    assert!(
        printed.contains("no AWS credentials were found"),
        "{printed}"
    );
}
