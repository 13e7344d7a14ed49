//! JetStream to policy to model to Discord.

pub mod app;
pub mod notice;
