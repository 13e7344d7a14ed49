//! Tests of the development tools at their boundaries.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod brokers;
mod browser;
mod deploy;
mod e2e_backup;
mod e2e_bad_input;
mod e2e_browser;
mod e2e_canary;
mod e2e_control;
mod e2e_database;
mod e2e_dead_letters;
mod e2e_events;
mod e2e_files;
mod e2e_forwards;
mod e2e_gateway;
mod e2e_guards;
mod e2e_guilds;
mod e2e_interactions;
mod e2e_keys_notices;
mod e2e_keys_panels;
mod e2e_memories;
mod e2e_newcomer;
mod e2e_notices;
mod e2e_outages;
mod e2e_pictures;
mod e2e_posts;
mod e2e_privacy;
mod e2e_respond;
mod e2e_restrictions;
mod e2e_retention;
mod e2e_rights;
mod e2e_scenarios;
mod e2e_takeover;
mod e2e_tool_servers;
mod e2e_tools;
mod e2e_why;
mod e2e_workers;
mod model_anthropic;
mod model_client;
mod model_faults;
mod model_gemini;
mod model_openai;
mod person;
mod real_discord;
mod road;
mod sandbox_attendance;
mod sandbox_closes;
mod sandbox_commands;
mod sandbox_firehose;
mod sandbox_gateway;
mod sandbox_page;
mod sandbox_rest;
mod sandbox_rules;
mod sandbox_sayings;
mod sandbox_wire;
mod sandbox_world;
mod stream;
mod town;
mod wire;
