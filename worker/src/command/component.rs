//! The ids of buttons, menus and forms: signed, personal, expiring (CMD-10 to CMD-13).
//!
//! Discord shows these ids to every client and sends back whatever a client claims, so each id
//! carries a signature that binds it to its purpose, its person, its end and its tenant. It holds
//! references only; nothing is remembered in the worker, so a restart breaks no panel.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use keyring::Keyring;
use proto::id::{TenantId, UserId};
use sha2::Sha256;

/// Form of the ids; another form gets another number.
const FORM: &str = "v1";

/// Parts of an id, divided by points: form, route, args, user, expiry, key version, signature.
const PARTS: usize = 7;

/// Bytes of the signature that are kept (CMD-11): 96 bits against guesses that each cost a request.
const MAC_BYTES: usize = 12;

/// Bytes of arguments that fit: 36 characters of base64 (CMD-10), so the whole id stays below
/// Discord's 100 characters.
pub(crate) const MAX_ARGS_BYTES: usize = 27;

/// Where the use of a component leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/personal privacy`: the form with the level.
    TakeLevel,
    /// `/memory`: everything; the arguments say what.
    Memory,
    /// `/server user-blacklist remove`: everything; the arguments say what.
    Restrictions,
    /// `/server whitelist`: everything; the arguments say what.
    Rules,
    /// `/setup`: the button that starts the replacement of a key.
    ReplaceKey,
    /// `/setup`: the menu of providers.
    PickProvider,
    /// `/setup`: the button that opens the form for one provider.
    AskKey,
    /// `/setup`: the form with the key.
    TakeKey,
    /// `/personal data`: everything; the arguments say what.
    PersonalData,
    /// `/server data`: everything; the arguments say what.
    ServerData,
    /// `/personal provider`: everything; the arguments say what.
    PersonalProvider,
    /// `/personal settings`: the form.
    PersonalSettings,
    /// A file that was handed in: the button that takes it in.
    Portable,
    /// `/provider keys`: everything; the arguments say what.
    ProviderKeys,
    /// `/provider services`: everything; the arguments say what.
    ProviderServices,
    /// `/mcp`: everything; the arguments say what.
    ToolServers,
    /// A notice about a refused key: the setup panel.
    FixKey,
    /// A notice about a provider: the calls of its turn.
    Details,
}

impl Route {
    /// All routes.
    const ALL: [Self; 18] = [
        Self::TakeLevel,
        Self::Memory,
        Self::Restrictions,
        Self::Rules,
        Self::ReplaceKey,
        Self::PickProvider,
        Self::AskKey,
        Self::TakeKey,
        Self::PersonalData,
        Self::ServerData,
        Self::PersonalProvider,
        Self::PersonalSettings,
        Self::Portable,
        Self::ProviderKeys,
        Self::ProviderServices,
        Self::ToolServers,
        Self::FixKey,
        Self::Details,
    ];

    /// Returns the name in the id, at most 8 characters. Names are never given a new meaning:
    /// public buttons of an older version live on for a day.
    const fn as_str(self) -> &'static str {
        match self {
            Self::TakeLevel => "pv-take",
            Self::Memory => "memory",
            Self::Restrictions => "restrict",
            Self::Rules => "rules",
            Self::ReplaceKey => "su-repl",
            Self::PickProvider => "su-pick",
            Self::AskKey => "su-ask",
            Self::TakeKey => "su-take",
            Self::PersonalData => "my-data",
            Self::ServerData => "sv-data",
            Self::PersonalProvider => "own",
            Self::PersonalSettings => "my-set",
            Self::Portable => "file",
            Self::ProviderKeys => "keys",
            Self::ProviderServices => "services",
            Self::ToolServers => "mcp",
            Self::FixKey => "key-fix",
            Self::Details => "tn-what",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|route| route.as_str() == text)
    }
}

/// What an id says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ComponentId {
    /// Where the use leads.
    pub(crate) route: Route,
    /// What the route needs to know, at most [`MAX_ARGS_BYTES`].
    pub(crate) args: Vec<u8>,
    /// Who may use it; `None` = anyone.
    pub(crate) user: Option<UserId>,
    /// Unix time in seconds after which it is refused; `None` = never.
    pub(crate) expires_at_secs: Option<u64>,
}

/// Why an id was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignError {
    /// The keyring has no current key.
    #[error(transparent)]
    Key(#[from] keyring::Error),
    /// More arguments than an id holds.
    #[error("{size_bytes} bytes of component arguments, at most {MAX_ARGS_BYTES} fit")]
    TooLong {
        /// The arguments' length.
        size_bytes: usize,
    },
}

/// Why an id is not acted on (CMD-12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// Not an id of ours, of a form or route that this version does not know, or forged.
    Unknown,
    /// Somebody else's.
    Foreign,
    /// Past its end.
    Expired,
}

impl ComponentId {
    /// Writes the id for use in the tenant, signed with the current key.
    ///
    /// # Errors
    /// `TooLong` for arguments above [`MAX_ARGS_BYTES`]; `Key` when the keyring is empty.
    pub(crate) fn sign(&self, keyring: &Keyring, tenant: TenantId) -> Result<String, SignError> {
        if self.args.len() > MAX_ARGS_BYTES {
            return Err(SignError::TooLong {
                size_bytes: self.args.len(),
            });
        }
        let version = keyring.current_version();
        let signed = format!(
            "{FORM}.{}.{}.{}.{}.{version}.",
            self.route.as_str(),
            URL_SAFE_NO_PAD.encode(&self.args),
            base36(self.user.map_or(0, |user| user.0)),
            base36(self.expires_at_secs.unwrap_or(0)),
        );
        let mac = mac(keyring, version, &signed, tenant)?
            .finalize()
            .into_bytes();
        let kept: Vec<u8> = mac.into_iter().take(MAC_BYTES).collect();
        Ok(signed + &URL_SAFE_NO_PAD.encode(kept))
    }

    /// Reads an id that the user sent from the tenant, and says whether it may be acted on.
    ///
    /// # Errors
    /// `Unknown` before `Foreign` before `Expired`: nothing is told about an id that is not ours.
    pub(crate) fn verify(
        text: &str,
        keyring: &Keyring,
        tenant: TenantId,
        user: UserId,
        now_secs: u64,
    ) -> Result<Self, Rejected> {
        let id = Self::authentic(text, keyring, tenant).ok_or(Rejected::Unknown)?;
        if id.user.is_some_and(|owner| owner != user) {
            return Err(Rejected::Foreign);
        }
        if id.expires_at_secs.is_some_and(|end| end < now_secs) {
            return Err(Rejected::Expired);
        }
        Ok(id)
    }

    fn authentic(text: &str, keyring: &Keyring, tenant: TenantId) -> Option<Self> {
        let parts: Vec<&str> = text.split('.').collect();
        let [form, route, args, user, expiry, version, tag] =
            <[&str; PARTS]>::try_from(parts).ok()?;
        if form != FORM {
            return None;
        }
        let signed = text.strip_suffix(tag)?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        if tag.len() != MAC_BYTES {
            return None;
        }
        // An unknown version is an id of an installation whose key is gone.
        let mac = mac(keyring, version.parse().ok()?, signed, tenant).ok()?;
        mac.verify_truncated_left(&tag).ok()?;
        let user = u64::from_str_radix(user, 36).ok()?;
        let expiry = u64::from_str_radix(expiry, 36).ok()?;
        Some(Self {
            route: Route::parse(route)?,
            args: URL_SAFE_NO_PAD.decode(args).ok()?,
            user: UserId::non_zero(user),
            expires_at_secs: Some(expiry).filter(|&end| end != 0),
        })
    }
}

/// Authenticates the id's text together with the tenant in which it may be used.
#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn mac(
    keyring: &Keyring,
    version: u32,
    signed: &str,
    tenant: TenantId,
) -> Result<Hmac<Sha256>, keyring::Error> {
    let key = keyring.component_key(version)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&*key).expect("a key of any length");
    mac.update(signed.as_bytes());
    mac.update(tenant.disc_id().to_string().as_bytes());
    Ok(mac)
}

/// Writes a number with the digits 0-9a-z.
fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(number % 36).unwrap_or_default();
        digits.push(char::from_digit(digit, 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests;
