//! Checks of keys of services.

use std::collections::HashMap;

use llm::{Class, Service, Services};

use crate::server::{KEY, Piece, Reply, Server, key, plain};

fn services(server: &Server) -> Services {
    let urls = HashMap::from([(Service::BraveSearch, server.url.parse().unwrap())]);
    Services::new(urls).unwrap()
}

async fn check(reply: Reply) -> Result<(), llm::Error> {
    let server = Server::replying(reply).await;
    services(&server).check(Service::BraveSearch, &key()).await
}

#[tokio::test]
async fn a_key_that_is_taken_may_search() {
    let server = Server::replying(plain(200, "{}")).await;

    let checked = services(&server).check(Service::BraveSearch, &key()).await;

    assert_eq!(checked, Ok(()));
    let request = &server.received()[0];
    assert!(request.path.ends_with("/res/v1/web/search"));
    assert_eq!(request.headers["x-subscription-token"], KEY);
}

/// Brave calls a wrong key an entity that it cannot process.
#[tokio::test]
async fn refusals_are_told_apart() {
    let wrong = r#"{"type":"ErrorResponse","error":{"status":422,
        "detail":"The provided subscription token is invalid.",
        "meta":{"component":"authentication"},"code":"SUBSCRIPTION_TOKEN_INVALID"}}"#;
    let limited = r#"{"type":"ErrorResponse","error":{"status":429,
        "detail":"Request rate limit exceeded for plan.","code":"RATE_LIMITED"}}"#;
    let malformed = r#"{"type":"ErrorResponse","error":{"status":422,
        "detail":"Unable to validate request parameter(s)","code":"VALIDATION"}}"#;
    for (status, body, class) in [
        (422, wrong, Class::Auth),
        (429, limited, Class::RateLimit),
        (422, malformed, Class::RequestFault),
        (503, "", Class::Overloaded),
    ] {
        let error = check(plain(status, body)).await.unwrap_err();
        assert_eq!(error.class(), class, "{body}");
    }
}

#[tokio::test]
async fn what_a_service_says_is_not_read_without_end() {
    let endless = Reply {
        pieces: vec![Piece::Bytes(b"{".to_vec()), Piece::Hang],
        ..plain(200, "")
    };
    assert_eq!(check(endless).await, Ok(()));
}
