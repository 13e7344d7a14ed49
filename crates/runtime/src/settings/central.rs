//! AWS Secrets Manager: one secret that holds all others, fetched whole (SEC-3 to SEC-6).
//!
//! Credentials come from the standard chain: web identity, container or instance role,
//! environment. Nothing here or in what it reports shows a value.

use std::error::Error as _;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::{
    GetSecretValueError, GetSecretValueOutput,
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use secrecy::SecretString;

/// The secret that is asked for when `SECRETS_ID` is unset.
pub(super) const DEFAULT_ID: &str = "tomoribot/production";
/// The region that is asked when `AWS_REGION` is unset.
pub(super) const DEFAULT_REGION: &str = "us-east-1";
/// How long one attempt may take (SEC-5).
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// Pauses before the second and the third attempt (SEC-5).
const BACK_OFF: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];

/// Which secret is meant.
#[derive(Clone, Debug)]
pub(super) struct Central {
    pub(super) id: String,
    pub(super) region: String,
    /// Instead of AWS's own.
    pub(super) endpoint: Option<String>,
}

/// Why there is no secret; `wrong` reads on after `SECRETS_ID`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) wrong: String,
    pub(super) fix: &'static str,
    may_pass: bool,
}

type Answer = Result<GetSecretValueOutput, SdkError<GetSecretValueError>>;

impl Central {
    /// Asks for the secret, three times where another try may help.
    pub(super) async fn fetch(&self) -> Result<SecretString, Failure> {
        let client = self.client().await;
        for pause in BACK_OFF {
            match self.ask(&client).await {
                Err(failure) if failure.may_pass => tokio::time::sleep(pause).await,
                done => return done,
            }
        }
        self.ask(&client).await
    }

    async fn ask(&self, client: &Client) -> Result<SecretString, Failure> {
        let answer = client.get_secret_value().secret_id(&self.id).send().await;
        let output = self.understand(answer)?;
        let text = output.secret_string.map(SecretString::from);
        text.ok_or_else(|| Failure {
            wrong: format!(
                "names the secret {}, which holds bytes and no text",
                self.id
            ),
            fix: "store a JSON object of strings in it",
            may_pass: false,
        })
    }

    async fn client(&self) -> Client {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        // Attempts are counted here, so that their number and pauses are ours.
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .region(Region::new(self.region.clone()))
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_timeout(ATTEMPT_TIMEOUT)
                    .build(),
            );
        if let Some(endpoint) = &self.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        Client::new(&loader.load().await)
    }

    fn understand(&self, answer: Answer) -> Result<GetSecretValueOutput, Failure> {
        let error = match answer {
            Ok(output) => return Ok(output),
            Err(error) => error,
        };
        Err(match &error {
            SdkError::ServiceError(context) => {
                let status = context.raw().status().as_u16();
                self.refused(context.err().code().unwrap_or("no code"), status)
            }
            SdkError::DispatchFailure(failure) if !failure.is_io() && !failure.is_timeout() => {
                Failure {
                    wrong: "cannot be asked for, because no AWS credentials were found".to_owned(),
                    fix: "give this process a role that may read it",
                    may_pass: false,
                }
            }
            other => Failure {
                wrong: format!(
                    "cannot be asked for: {} cannot be reached ({})",
                    self.place(),
                    cause(other)
                ),
                fix: "check the network, AWS_REGION and AWS_ENDPOINT_URL",
                may_pass: true,
            },
        })
    }

    fn refused(&self, code: &str, status: u16) -> Failure {
        let Self { id, region, .. } = self;
        match code {
            // A store other than AWS's own may tell it by the status alone.
            _ if status == 403 => self.denied(),
            "AccessDeniedException" => self.denied(),
            "ResourceNotFoundException" => Failure {
                wrong: format!("names the secret {id}, which does not exist in region {region}"),
                fix: "create it, or correct SECRETS_ID or AWS_REGION",
                may_pass: false,
            },
            _ => Failure {
                wrong: format!(
                    "names the secret {id}, and {} answers {code} (status {status})",
                    self.place()
                ),
                fix: "look the code up in the manual of AWS Secrets Manager",
                may_pass: status >= 500 || code == "ThrottlingException",
            },
        }
    }

    fn denied(&self) -> Failure {
        Failure {
            wrong: format!("names the secret {}, to which access is denied", self.id),
            fix: "allow this process's role secretsmanager:GetSecretValue (and kms:Decrypt of its key)",
            may_pass: false,
        }
    }

    fn place(&self) -> String {
        let region = || format!("AWS Secrets Manager in region {}", self.region);
        self.endpoint.clone().unwrap_or_else(region)
    }
}

/// The innermost reason: the outer ones only say that something failed.
fn cause(error: &SdkError<GetSecretValueError>) -> String {
    let mut innermost = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        innermost = error.to_string();
        next = error.source();
    }
    innermost
}
