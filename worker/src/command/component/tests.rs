use std::collections::BTreeMap;

use proptest::prelude::*;
use proto::id::GuildId;
use secrecy::SecretString;

use super::*;

const GUILD: TenantId = TenantId::Guild(GuildId(81_384_788_765_712_384));
const ALICE: UserId = UserId(7);
const BOB: UserId = UserId(8);
const NOW: u64 = 1_800_000_000;

fn keyring() -> Keyring {
    let secret = SecretString::from("0123456789abcdef0123456789abcdef");
    Keyring::new(BTreeMap::from([(1, secret)]), None).unwrap()
}

fn other_keyring() -> Keyring {
    let secret = SecretString::from("fedcba9876543210fedcba9876543210");
    Keyring::new(BTreeMap::from([(1, secret)]), None).unwrap()
}

fn id() -> ComponentId {
    ComponentId {
        route: Route::TakeKey,
        args: b"nopenai".to_vec(),
        user: Some(ALICE),
        expires_at_secs: Some(NOW + 60),
    }
}

/// CMD-10.
#[test]
fn an_id_is_read_back_as_it_was_written() {
    let text = id().sign(&keyring(), GUILD).unwrap();
    assert_eq!(
        ComponentId::verify(&text, &keyring(), GUILD, ALICE, NOW),
        Ok(id())
    );
}

/// CMD-10.
#[test]
fn the_longest_id_fits_into_discords_limit() {
    let id = ComponentId {
        route: Route::ReplaceKey,
        args: vec![255; MAX_ARGS_BYTES],
        user: Some(UserId(u64::MAX)),
        expires_at_secs: Some(u64::from(u32::MAX)),
    };
    let secret = SecretString::from("0123456789abcdef0123456789abcdef");
    let keyring = Keyring::new(BTreeMap::from([(2_147_483_647, secret)]), None).unwrap();
    assert!(id.sign(&keyring, GUILD).unwrap().len() <= 100);
}

#[test]
fn too_many_arguments_are_refused() {
    let id = ComponentId {
        args: vec![0; MAX_ARGS_BYTES + 1],
        ..id()
    };
    assert!(matches!(
        id.sign(&keyring(), GUILD),
        Err(SignError::TooLong { size_bytes: 28 })
    ));
}

/// CMD-12.
#[test]
fn anothers_id_is_foreign() {
    let text = id().sign(&keyring(), GUILD).unwrap();
    let read = ComponentId::verify(&text, &keyring(), GUILD, BOB, NOW);
    assert_eq!(read, Err(Rejected::Foreign));
}

/// CMD-10.
#[test]
fn an_id_for_anyone_is_everybodys() {
    let id = ComponentId { user: None, ..id() };
    let text = id.sign(&keyring(), GUILD).unwrap();
    assert_eq!(
        ComponentId::verify(&text, &keyring(), GUILD, BOB, NOW),
        Ok(id)
    );
}

/// CMD-12.
#[test]
fn an_id_expires_after_its_last_second() {
    let text = id().sign(&keyring(), GUILD).unwrap();
    let at = |now| ComponentId::verify(&text, &keyring(), GUILD, ALICE, now);
    assert_eq!(at(NOW + 60), Ok(id()));
    assert_eq!(at(NOW + 61), Err(Rejected::Expired));
}

#[test]
fn an_id_without_end_never_expires() {
    let id = ComponentId {
        expires_at_secs: None,
        ..id()
    };
    let text = id.sign(&keyring(), GUILD).unwrap();
    assert_eq!(
        ComponentId::verify(&text, &keyring(), GUILD, ALICE, u64::MAX),
        Ok(id)
    );
}

/// CMD-11, SEC-62.
#[test]
fn an_id_of_another_tenant_is_unknown() {
    let text = id().sign(&keyring(), GUILD).unwrap();
    let elsewhere = TenantId::Guild(GuildId(1));
    let read = ComponentId::verify(&text, &keyring(), elsewhere, ALICE, NOW);
    assert_eq!(read, Err(Rejected::Unknown));
}

/// CMD-11.
#[test]
fn an_id_of_another_master_key_is_unknown() {
    let text = id().sign(&other_keyring(), GUILD).unwrap();
    let read = ComponentId::verify(&text, &keyring(), GUILD, ALICE, NOW);
    assert_eq!(read, Err(Rejected::Unknown));
}

#[test]
fn base36_counts_like_the_standard_library_reads() {
    assert_eq!(base36(0), "0");
    assert_eq!(base36(35), "z");
    assert_eq!(base36(36), "10");
    assert_eq!(u64::from_str_radix(&base36(u64::MAX), 36), Ok(u64::MAX));
}

proptest! {
    /// CMD-12.
    #[test]
    fn garbage_is_unknown(text in ".{0,120}") {
        let read = ComponentId::verify(&text, &keyring(), GUILD, ALICE, NOW);
        prop_assert_eq!(read, Err(Rejected::Unknown));
    }

    #[test]
    fn garbage_of_the_right_shape_is_unknown(
        text in "v1\\.su-(pick|take)\\.[A-Za-z0-9_-]{0,36}\\.[0-9a-z]{1,13}\\.[0-9a-z]{1,7}\\.1\\.[A-Za-z0-9_-]{16}"
    ) {
        let read = ComponentId::verify(&text, &keyring(), GUILD, ALICE, NOW);
        prop_assert_eq!(read, Err(Rejected::Unknown));
    }

    /// CMD-11.
    #[test]
    fn any_changed_character_makes_an_id_unknown(at in 0_usize..200, by in "[A-Za-z0-9._-]") {
        let text = id().sign(&keyring(), GUILD).unwrap();
        let at = at % text.len();
        let mut forged = text.clone();
        forged.replace_range(at..=at, &by);
        prop_assume!(forged != text);
        let read = ComponentId::verify(&forged, &keyring(), GUILD, ALICE, NOW);
        prop_assert_eq!(read, Err(Rejected::Unknown));
    }

    #[test]
    fn every_id_is_read_back(
        args in proptest::collection::vec(any::<u8>(), 0..=MAX_ARGS_BYTES),
        user in any::<u64>(),
        expiry in (NOW..NOW * 2),
    ) {
        let id = ComponentId {
            route: Route::PickProvider,
            args,
            user: UserId::non_zero(user),
            expires_at_secs: Some(expiry),
        };
        let text = id.sign(&keyring(), GUILD).unwrap();
        prop_assert!(text.len() <= 100);
        prop_assert_eq!(ComponentId::verify(&text, &keyring(), GUILD, UserId(user), NOW), Ok(id));
    }
}
