//! Models that refuse tools: asked once, then spared for a day (CHAT-109).

use std::time::Duration;

use llm::Provider;
use moka::future::Cache;

/// How long a model is not asked again.
const REMEMBERED: Duration = Duration::from_hours(24);

/// Models remembered at once; an entry is some hundred bytes.
const CAPACITY: u64 = 10_000;

/// The models that refuse tools, as far as this process met them.
#[derive(Debug)]
pub(crate) struct Toolless(Cache<(Provider, String), ()>);

impl Default for Toolless {
    fn default() -> Self {
        let cache = Cache::builder()
            .max_capacity(CAPACITY)
            .time_to_live(REMEMBERED)
            .build();
        Self(cache)
    }
}

impl Toolless {
    /// Tells whether the model refused tools lately.
    pub(crate) fn knows(&self, provider: Provider, model: &str) -> bool {
        self.0.contains_key(&(provider, model.to_owned()))
    }

    pub(crate) async fn note(&self, provider: Provider, model: &str) {
        tracing::info!(
            provider = provider.as_str(),
            "a model takes no tools: asked without"
        );
        self.0.insert((provider, model.to_owned()), ()).await;
    }
}
