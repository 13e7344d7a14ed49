//! Strangers' addresses.

mod bodies;
mod downloads;
mod names;
mod redirects;
mod rows;
