//! What both processes need to run: settings, secrets, telemetry, admin endpoints, shutdown, NATS.
