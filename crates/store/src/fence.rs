//! The role as which statements run, and whether the database keeps tenants apart (DB-60, SEC-57).
//!
//! The policies are made by the migrations, and what each statement may see is said in `pool::scope`.

use std::fmt;
use std::str::FromStr;

use sqlx::postgres::PgConnection;

use crate::{Error, Store};

/// The longest name that PostgreSQL keeps whole.
const LONGEST_NAME: usize = 63;

/// The name of a role: lower-case letters, digits and underscores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleName(String);

impl RoleName {
    /// The role of an installation that names none.
    pub const DEFAULT: &str = "tomori_app";
}

impl Default for RoleName {
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

/// A text that names no role that could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not the name of a role")]
pub struct NotARole;

impl FromStr for RoleName {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Self, NotARole> {
        let is_word = |byte: u8| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_name = text.len() <= LONGEST_NAME
            && text.bytes().all(is_word)
            && text.starts_with(|first: char| !first.is_ascii_digit());
        // PostgreSQL keeps these for itself.
        let is_reserved = text.starts_with("pg_") || matches!(text, "none" | "public");
        (is_name && !is_reserved)
            .then(|| Self(text.to_owned()))
            .ok_or(NotARole)
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What keeps tenants apart in the database, besides the predicates of the statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// Statements run as a role that owns no table and that the policies bind.
    Role,
    /// Statements run as the owner of the tables, whom the policies were made to bind.
    Owner,
    /// Nothing: whoever runs the statements is not bound by the policies.
    Absent,
}

impl Store {
    /// Tells which fence holds for the statements of this process.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn fence(&self) -> Result<Fence, Error> {
        let fenced = sqlx::query!(
            r#"SELECT COALESCE(bool_and(row_security_active(c.oid)), false) AS "is_active!",
                      COALESCE(bool_or(pg_get_userbyid(c.relowner) = current_user), false)
                          AS "is_owner!"
               FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = 'fence'"#,
        )
        .fetch_one(self.pool.shared())
        .await?;
        Ok(match (fenced.is_active, fenced.is_owner) {
            (true, false) => Fence::Role,
            (true, true) => Fence::Owner,
            (false, _) => Fence::Absent,
        })
    }
}

/// Makes the role and gives it its rights, or binds the owner where it cannot be made.
pub(crate) async fn raise(
    connection: &mut PgConnection,
    app_role: &RoleName,
) -> Result<(), sqlx::Error> {
    sqlx::query_scalar!("SELECT raise_fence($1)", app_role.0)
        .fetch_one(connection)
        .await?;
    Ok(())
}

/// Becomes the role where that is possible and of use; otherwise stays who signed in, whom
/// `raise_fence` has bound.
pub(crate) async fn take_role(
    connection: &mut PgConnection,
    app_role: &RoleName,
) -> Result<(), sqlx::Error> {
    // Not checked at compile time: the database may be empty yet. Asked once per connection.
    sqlx::query(
        "SELECT set_config('role', r.rolname, false) FROM pg_roles r
         WHERE r.rolname = $1 AND NOT r.rolsuper AND NOT r.rolbypassrls
           AND pg_has_role(r.oid, CASE WHEN current_setting('server_version_num')::integer < 160000
                                       THEN 'MEMBER' ELSE 'SET' END)",
    )
    .persistent(false)
    .bind(&app_role.0)
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_roles_are_words_that_nobody_has_to_quote() {
        let longest = "a".repeat(LONGEST_NAME);
        for name in [RoleName::DEFAULT, "_2", &longest] {
            assert_eq!(name.parse(), Ok(RoleName(name.to_owned())));
        }
        let too_long = "a".repeat(LONGEST_NAME + 1);
        for text in [
            "", "2a", "Tomori", "a-b", "a b", "a\"", "a'; DROP", "pg_app", "none", "public", "ä",
            &too_long,
        ] {
            assert_eq!(text.parse::<RoleName>(), Err(NotARole), "{text}");
        }
    }
}
