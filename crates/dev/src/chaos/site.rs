//! The place of a run: an installation of its own, with wires in front of its servers.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, sleep};

use super::Args;
use super::keeper::Keeper;
use super::wire::Wire;
use crate::installation::{Broker, Database, Discord, Given, Installation, State};
use crate::part::Part;
use crate::postgres::Programs;
use crate::{launch, up};

/// The name of the database and the prefix of all names on the broker.
pub(super) const NAME: &str = "chaos";
/// The longest that a cluster takes to choose who leads.
const BROKER_WAIT: Duration = Duration::from_secs(30);
const BROKER_LOOK: Duration = Duration::from_millis(200);

/// Servers, product and the wires between them.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) keeper: Keeper,
    /// Addresses of the broker's servers, past the wires.
    pub(super) broker_url: String,
    wires: BTreeMap<Part, Wire>,
    programs: Programs,
    database: Database,
}

impl Site {
    /// Starts everything; what was started is found in the homes also after an error.
    pub(super) async fn open(args: &Args, homes: [Installation; 2]) -> anyhow::Result<Self> {
        let [servers, product] = &homes;
        let mut state = State {
            broker: Broker {
                version: args.broker.version(),
                servers: args.brokers(),
            },
            ..State::default()
        };
        let mut wires = BTreeMap::new();
        for part in server_parts(&state) {
            launch::start_volatile(servers, &mut state, part).await?;
            let port = state.port(part).context("a server has its port")?;
            wires.insert(part, Wire::lay(port).await?);
        }
        for part in server_parts(&state) {
            launch::wait_until_ready(servers, &state, part).await?;
        }
        let programs = Programs::find().await?;
        let mut database = servers.database(&state)?;
        "postgres".clone_into(&mut database.name);
        let statement = format!("CREATE DATABASE {NAME}");
        programs.query(&database, &statement).await?;
        NAME.clone_into(&mut database.name);
        let (broker_url, _) = state.broker();
        wait_for_leader(&broker_url).await?;
        let mut product_state = product_state(args, &wires, &database)?;
        up::bring_up(product, &mut product_state).await?;
        Ok(Self {
            keeper: Keeper::of(homes, [state, product_state]),
            broker_url,
            wires,
            programs,
            database,
        })
    }

    /// Breaks all connections of the product to a server; all servers of a broker are one.
    pub(super) fn cut(&self, server: Part) {
        let is_meant = |part: Part| (part == Part::Postgres) == (server == Part::Postgres);
        for (_, wire) in self.wires.iter().filter(|(part, _)| is_meant(**part)) {
            wire.cut();
        }
    }

    /// Asks the database, past the wires.
    pub(super) async fn query(&self, statement: &str) -> anyhow::Result<String> {
        self.programs.query(&self.database, statement).await
    }
}

/// The servers of a run.
pub(super) fn server_parts(state: &State) -> Vec<Part> {
    std::iter::once(Part::Postgres)
        .chain(state.broker.parts())
        .collect()
}

/// The product finds the servers behind the wires, and is allowed what only tests are.
fn product_state(
    args: &Args,
    wires: &BTreeMap<Part, Wire>,
    database: &Database,
) -> anyhow::Result<State> {
    let postgres = wires.get(&Part::Postgres).context("a wire is laid")?;
    let brokers = wires.iter().filter(|(part, _)| **part != Part::Postgres);
    let urls: Vec<_> = brokers
        .map(|(_, wire)| format!("nats://127.0.0.1:{}", wire.port()))
        .collect();
    let mut settings = BTreeMap::from([
        ("RUN_ENV".to_owned(), "test".to_owned()),
        ("NATS_REPLICAS".to_owned(), args.brokers().to_string()),
        // What went wrong is looked up by the ids of messages.
        ("LOG_ID_HASH".to_owned(), "false".to_owned()),
        // Every question is judged by its own answer, also where one person asks again at once.
        ("MAX_FOLLOW_UP_INTERRUPTS".to_owned(), "0".to_owned()),
    ]);
    if !args.switch_off.is_empty() {
        let switches: Vec<_> = args.switch_off.iter().map(|guard| guard.switch()).collect();
        settings.insert("TEST_SWITCHES".to_owned(), switches.join(","));
    }
    Ok(State {
        discord: Discord::Sandbox,
        workers: args.workers,
        settings,
        given: Some(Given {
            database: Database {
                port: postgres.port(),
                ..database.clone()
            },
            nats_url: urls.join(","),
            nats_prefix: NAME.to_owned(),
            guard: None,
        }),
        ..State::default()
    })
}

/// Waits until the broker keeps streams: a cluster has to choose who leads first.
async fn wait_for_leader(url: &str) -> anyhow::Result<()> {
    let client = async_nats::connect(url.split(',').collect::<Vec<_>>()).await?;
    let context = async_nats::jetstream::new(client);
    let deadline = Instant::now() + BROKER_WAIT;
    while let Err(error) = context.query_account().await {
        if Instant::now() > deadline {
            return Err(error).context("the broker does not keep streams");
        }
        sleep(BROKER_LOOK).await;
    }
    Ok(())
}
