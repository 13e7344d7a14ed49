//! What models refuse: asked once, then spared for a day (CHAT-64, CHAT-109).

use std::time::Duration;

use llm::Provider;
use moka::future::Cache;

/// How long a model is not asked again.
const REMEMBERED: Duration = Duration::from_hours(24);

/// Models remembered at once; an entry is some hundred bytes.
const CAPACITY: u64 = 10_000;

/// A part of a question that a model may refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Tools,
    Images,
}

impl Part {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Images => "images",
        }
    }
}

/// What models refuse, as far as this process met them.
#[derive(Debug)]
pub(crate) struct Spared(Cache<(Provider, String, Part), ()>);

impl Default for Spared {
    fn default() -> Self {
        let cache = Cache::builder()
            .max_capacity(CAPACITY)
            .time_to_live(REMEMBERED)
            .build();
        Self(cache)
    }
}

impl Spared {
    /// Tells whether the model refused this lately.
    pub(crate) fn knows(&self, provider: Provider, model: &str, part: Part) -> bool {
        self.0.contains_key(&(provider, model.to_owned(), part))
    }

    pub(crate) async fn note(&self, provider: Provider, model: &str, part: Part) {
        tracing::info!(
            provider = provider.as_str(),
            part = part.as_str(),
            "a model does not take a part of what it was asked: asked without"
        );
        self.0.insert((provider, model.to_owned(), part), ()).await;
    }
}
