//! The REST calls that we make to Discord, over our own transport, limiter and nonces.
