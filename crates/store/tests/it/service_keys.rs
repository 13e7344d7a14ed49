//! Keys of optional services.

use keyring::SERVICE_API_KEY;
use secrecy::{ExposeSecret, SecretString};
use store::{Edited, NewServiceKey, ServiceKey, Store};

use crate::database::Database;
use crate::world::{GUILD, OTHER_GUILD, keyring, set_up};

const SERVICE: &str = "brave-search";

async fn set(store: &Store, key: &str, replaces: Option<i32>) -> Edited {
    let new = NewServiceKey {
        tenant: GUILD,
        service: SERVICE,
        key: &SecretString::from(key),
        replaces,
    };
    store.set_service_key(&keyring(), new).await.unwrap()
}

async fn only(store: &Store) -> ServiceKey {
    let keys = store.service_keys(GUILD).await.unwrap().unwrap();
    let [key] = <[ServiceKey; 1]>::try_from(keys).unwrap();
    key
}

async fn opened(store: &Store, key: &ServiceKey) -> Option<String> {
    let opened = store
        .secret(&keyring(), SERVICE_API_KEY, key.id.0, GUILD)
        .await;
    opened.unwrap().map(|key| key.expose_secret().to_owned())
}

#[tokio::test]
async fn a_key_is_stored_replaced_and_removed_as_it_was_shown() {
    let database = Database::migrated().await;
    let store = &database.store;
    assert_eq!(store.service_keys(GUILD).await.unwrap(), None);
    assert_eq!(
        set(store, "sk-nobodys-service-1", None).await,
        Edited::Stale
    );
    set_up(store, GUILD).await;
    assert_eq!(store.service_keys(GUILD).await.unwrap().unwrap(), []);

    assert_eq!(
        set(store, "sk-first-service-0001", None).await,
        Edited::Done
    );
    let first = only(store).await;
    assert_eq!(
        (&*first.service, first.last4.as_deref()),
        (SERVICE, Some("0001"))
    );
    assert_eq!(
        opened(store, &first).await.unwrap(),
        "sk-first-service-0001"
    );
    // CMD-15: whoever saw none does not overwrite the one that came meanwhile.
    assert_eq!(
        set(store, "sk-other-service-0002", None).await,
        Edited::Stale
    );
    let seen = Some(first.row_version);
    assert_eq!(
        set(store, "sk-other-service-0002", seen).await,
        Edited::Done
    );
    assert_eq!(
        set(store, "sk-third-service-0003", seen).await,
        Edited::Stale
    );
    let second = only(store).await;
    assert_eq!(
        (second.id, second.last4.as_deref()),
        (first.id, Some("0002"))
    );
    assert_eq!(
        opened(store, &second).await.unwrap(),
        "sk-other-service-0002"
    );

    let remove = |tenant, version| store.remove_service_key(tenant, second.id, version);
    assert_eq!(
        remove(GUILD, first.row_version).await.unwrap(),
        Edited::Stale
    );
    assert_eq!(
        remove(GUILD, second.row_version).await.unwrap(),
        Edited::Done
    );
    assert_eq!(store.service_keys(GUILD).await.unwrap().unwrap(), []);
    assert_eq!(opened(store, &second).await, None);
}

/// SEC-62.
#[tokio::test]
async fn a_key_of_a_service_is_not_removed_for_another_server() {
    for database in Database::with_and_without_policies().await {
        let store = &database.store;
        set_up(store, GUILD).await;
        set_up(store, OTHER_GUILD).await;
        let first = set(store, "sk-first-service-0001", None).await;
        assert_eq!(first, Edited::Done);
        let key = only(store).await;
        let removed = store.remove_service_key(OTHER_GUILD, key.id, key.row_version);
        assert_eq!(removed.await.unwrap(), Edited::Stale);
        let others = store.service_keys(OTHER_GUILD).await.unwrap().unwrap();
        assert_eq!((only(store).await, others), (key, Vec::new()));
    }
}

#[tokio::test]
async fn a_service_that_there_is_not_is_refused() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    let new = NewServiceKey {
        tenant: GUILD,
        service: "something-else",
        key: &"sk-first-service-0001".into(),
        replaces: None,
    };
    assert!(
        database
            .store
            .set_service_key(&keyring(), new)
            .await
            .is_err()
    );
}
