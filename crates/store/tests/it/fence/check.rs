//! Asks every table of the catalogue what it shows to whom.

use sqlx::{AssertSqlSafe, Connection as _, FromRow, PgConnection};
use store::RoleName;

use super::fill::Ids;
use crate::database::Database;

/// Columns that say whose a row is.
const OWNER_COLUMNS: [&str; 3] = ["server_id", "user_id", "guild_disc_id"];

/// Tables whose rows belong to nobody and hold no text of anybody (DB-63).
const OF_NOBODY: [&str; 9] = [
    "_sqlx_migrations",
    "compatible_schemas",
    "cooldowns",
    "crypto_keys",
    "deletion_receipts",
    "event_attempts",
    "job_leases",
    "operation_quotas",
    "outbox",
];

/// A connection as statements have it, but for what it says about whose rows it wants.
pub(super) struct Probe(PgConnection);

impl Probe {
    /// Connects as the user of the tests, and becomes the role.
    pub(super) async fn open(database: &Database, role: Option<&RoleName>) -> Self {
        let mut connection = PgConnection::connect_with(&database.options())
            .await
            .unwrap();
        if let Some(role) = role {
            sqlx::query("SELECT set_config('role', $1, false)")
                .bind(role.to_string())
                .execute(&mut connection)
                .await
                .unwrap();
        }
        Self(connection)
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    /// Reads one number in a transaction that begins with this.
    pub(super) async fn count(&mut self, scope: &str, query: &str) -> i64 {
        let mut transaction = self.0.begin().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(scope.to_owned()))
            .execute(&mut *transaction)
            .await
            .unwrap();
        let query = AssertSqlSafe(format!("SELECT ({query})::bigint"));
        sqlx::query_scalar(query)
            .fetch_one(&mut *transaction)
            .await
            .unwrap()
    }

    /// Changes rows in a transaction that begins with this and comes to nothing.
    async fn change(&mut self, scope: &str, statement: &str) -> Result<u64, sqlx::Error> {
        let mut transaction = self.0.begin().await?;
        sqlx::raw_sql(AssertSqlSafe(scope.to_owned()))
            .execute(&mut *transaction)
            .await?;
        let statement = AssertSqlSafe(statement.to_owned());
        let done = sqlx::raw_sql(statement).execute(&mut *transaction).await;
        transaction.rollback().await?;
        Ok(done?.rows_affected())
    }
}

/// A table, and the columns that say whose its rows are.
#[derive(FromRow)]
struct Table {
    name: String,
    owners: Vec<String>,
    is_fenced: bool,
}

impl Table {
    /// The condition under which a row belongs to somebody.
    fn is_of(&self, ids: &Ids) -> String {
        let conditions: Vec<String> = self
            .owners
            .iter()
            .map(|column| format!("{column} = {}", value(column, ids)))
            .collect();
        conditions.join(" OR ")
    }

    /// Statements that would give our rows to somebody else.
    fn gifts(&self, theirs: &Ids) -> Vec<String> {
        let columns: Vec<&str> = match &*self.name {
            "servers" => vec!["server_disc_id"],
            "users" => vec!["user_disc_id"],
            _ => self.owners.iter().map(String::as_str).collect(),
        };
        let give = |column: &&str| {
            let table = &self.name;
            let value = value(column, theirs);
            format!("UPDATE {table} SET {column} = {value} WHERE {column} IS NOT NULL")
        };
        columns.iter().map(give).collect()
    }
}

fn value(column: &str, ids: &Ids) -> String {
    match column {
        "server_id" => ids.server.to_string(),
        "user_id" => ids.user.to_string(),
        "user_disc_id" => format!("'{}'", ids.names.user),
        _ => format!("'{}'", ids.names.guild),
    }
}

async fn tables(database: &Database) -> Vec<Table> {
    sqlx::query_as(
        "SELECT c.relname::text AS name,
                ARRAY(SELECT a.attname::text FROM pg_attribute a
                      WHERE a.attrelid = c.oid AND a.attname::text = ANY ($1)
                      ORDER BY array_position($1, a.attname::text)) AS owners,
                -- One policy for reading and writing alike: a second one would widen it.
                c.relrowsecurity AND (
                    SELECT count(*) = 1 AND bool_and(p.polname = 'fence' AND p.polcmd = '*'
                        AND p.polwithcheck IS NULL AND p.polroles = '{0}')
                    FROM pg_policy p WHERE p.polrelid = c.oid) AS is_fenced
         FROM pg_class c
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
         ORDER BY c.relname",
    )
    .bind(OWNER_COLUMNS)
    .fetch_all(&database.raw)
    .await
    .unwrap()
}

/// Returns what is wrong, in sentences that say what to do.
pub(super) async fn problems(
    database: &Database,
    probe: &mut Probe,
    [ours, theirs]: &[Ids; 2],
) -> Vec<String> {
    let mut problems = Vec::new();
    for table in tables(database).await {
        let name = &table.name;
        if OF_NOBODY.contains(&name.as_str()) {
            continue;
        }
        if table.owners.is_empty() {
            problems.push(format!(
                "{name}: whose are its rows? give it a server_id, or list it in OF_NOBODY"
            ));
            continue;
        }
        if !table.is_fenced {
            problems.push(format!(
                "{name}: has no fence, or more than one; its migration may \
                 CALL fence_by_server('{name}'), fence_by_user or fence_by_owner"
            ));
        }
        let (our, their) = (table.is_of(ours), table.is_of(theirs));
        let all = counts(database, name, [&our, &their]).await;
        if all.contains(&0) {
            problems.push(format!(
                "{name}: is empty in this test; add a row to ROWS of fill.rs"
            ));
        }
        for (scope, what) in scopes(ours) {
            let expected = match what {
                Sees::Nothing => 0,
                Sees::Ours => all[0],
                Sees::OurServer => {
                    counts(database, name, [&server(&table, ours), "false"]).await[0]
                }
            };
            let view = View {
                name,
                scope: &scope,
                expected,
            };
            problems.extend(view.problems(probe, &their).await);
        }
        for gift in table.gifts(theirs) {
            if !is_refused(&probe.change(&of(ours), &gift).await) {
                problems.push(format!("{name}: {gift:?} is not refused"));
            }
        }
    }
    problems
}

/// The condition under which a row belongs to the server itself.
fn server(table: &Table, ids: &Ids) -> String {
    if table.owners[0] == "server_id" {
        format!("server_id = {}", ids.server)
    } else {
        "false".to_owned()
    }
}

/// How many rows belong to each, in truth.
async fn counts(database: &Database, table: &str, conditions: [&str; 2]) -> [i64; 2] {
    let mut counts = [0; 2];
    for (count, condition) in counts.iter_mut().zip(conditions) {
        let query = format!("SELECT count(*) FROM {table} WHERE {condition}");
        *count = sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_one(&database.raw)
            .await
            .unwrap();
    }
    counts
}

enum Sees {
    Nothing,
    Ours,
    OurServer,
}

/// What a transaction may say, and what it sees then.
fn scopes(ours: &Ids) -> Vec<(String, Sees)> {
    let empty = "SET LOCAL tomori.guild_disc_id = ''; SET LOCAL tomori.server_id = '';
                 SET LOCAL tomori.user_disc_ids = ''; SET LOCAL tomori.scope = ''";
    vec![
        (String::new(), Sees::Nothing),
        (empty.to_owned(), Sees::Nothing),
        (
            "SET LOCAL tomori.scope = 'tenant'".to_owned(),
            Sees::Nothing,
        ),
        (of(ours), Sees::Ours),
        (
            format!("SET LOCAL tomori.server_id = '{}'", ours.server),
            Sees::OurServer,
        ),
    ]
}

fn of(ids: &Ids) -> String {
    let (guild, user) = (ids.names.guild, ids.names.user);
    format!("SET LOCAL tomori.guild_disc_id = '{guild}'; SET LOCAL tomori.user_disc_ids = '{user}'")
}

/// A table as a transaction sees it that says this first.
struct View<'a> {
    name: &'a str,
    scope: &'a str,
    expected: i64,
}

impl View<'_> {
    /// Statements that forgot their predicate, and some that ask for rows of others.
    async fn problems(&self, probe: &mut Probe, their: &str) -> Vec<String> {
        let Self {
            name,
            scope,
            expected,
        } = *self;
        let mut found = vec![
            (
                "SELECT",
                expected,
                probe
                    .count(scope, &format!("SELECT count(*) FROM {name}"))
                    .await,
            ),
            (
                "SELECT of theirs",
                0,
                probe
                    .count(scope, &format!("SELECT count(*) FROM {name} WHERE {their}"))
                    .await,
            ),
        ];
        for (statement, expected) in [
            (
                format!("UPDATE {name} SET created_at = created_at"),
                expected,
            ),
            (
                format!("UPDATE {name} SET created_at = created_at WHERE {their}"),
                0,
            ),
            (format!("DELETE FROM {name}"), expected),
            (format!("DELETE FROM {name} WHERE {their}"), 0),
        ] {
            let changed = probe.change(scope, &statement).await.unwrap();
            let verb = if statement.starts_with("UPDATE") {
                "UPDATE"
            } else {
                "DELETE"
            };
            found.push((verb, expected, i64::try_from(changed).unwrap()));
        }
        let wrong = found
            .into_iter()
            .filter(|(_, expected, seen)| expected != seen);
        wrong
            .map(|(verb, expected, seen)| {
                format!("{name}: {verb} meets {seen} rows and not {expected}, after {scope:?}")
            })
            .collect()
    }
}

/// By a policy, not by a constraint.
fn is_refused(done: &Result<u64, sqlx::Error>) -> bool {
    let error = done.as_ref().err().and_then(sqlx::Error::as_database_error);
    error.is_some_and(|error| error.message().contains("row-level security"))
}
