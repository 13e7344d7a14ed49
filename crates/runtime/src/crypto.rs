//! The one TLS crypto provider of the process.

/// Installs ring as rustls' provider; the first thing that `main` does. A second call is harmless.
pub fn install() {
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        tracing::debug!("a crypto provider was installed before");
    }
}
