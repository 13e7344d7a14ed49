//! A broker of one test's own: a pinned version, alone or as a cluster of three.

use std::time::Duration;

use async_nats::jetstream;
use dev::installation::{Broker, Installation, State};
use dev::launch;
use dev::nats::Version;
use tokio::time::{Instant, sleep};

use crate::town::{home, installation_at};

/// The longest that a cluster takes to choose who leads.
const LEADER_WAIT: Duration = Duration::from_mins(1);

/// A broker that runs; what is left of it at the end of the test is swept with its folder.
pub(crate) struct Brokers {
    installation: Installation,
    state: State,
}

impl Brokers {
    pub(crate) async fn start(version: Version, servers: u16) -> Self {
        let name = format!("brokers_{:016x}", rand::random::<u64>());
        let installation = installation_at(&home().join(name));
        let mut state = State {
            broker: Broker { version, servers },
            ..State::default()
        };
        let parts: Vec<_> = state.broker.parts().collect();
        for part in &parts {
            launch::start_volatile(&installation, &mut state, *part)
                .await
                .unwrap();
        }
        for part in parts {
            launch::wait_until_ready(&installation, &state, part)
                .await
                .unwrap();
        }
        let brokers = Self {
            installation,
            state,
        };
        brokers.wait_for_leader().await;
        brokers
    }

    /// The addresses of its servers.
    pub(crate) fn url(&self) -> String {
        self.state.broker().0
    }

    async fn wait_for_leader(&self) {
        let url = self.url();
        let client = async_nats::connect(url.split(',').collect::<Vec<_>>()).await;
        let context = jetstream::new(client.unwrap());
        let deadline = Instant::now() + LEADER_WAIT;
        while let Err(error) = context.query_account().await {
            assert!(Instant::now() < deadline, "{error}");
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Stops all servers and removes what they stored.
    pub(crate) async fn leave(mut self) {
        launch::stop_all(&self.installation, &mut self.state)
            .await
            .unwrap();
        std::fs::remove_dir_all(self.installation.home()).unwrap();
    }
}
