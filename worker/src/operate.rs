//! What an operator runs: each command is one file and ends with an exit code (SEC-38 ff.).

pub mod dead_letters;
pub mod explain;
pub mod migrate;
pub mod register_commands;
