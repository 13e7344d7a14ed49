//! The contract between gateway and worker: events, ids, subjects, who must not be heard.
//!
//! Both processes and the developer tools speak these types; this crate knows none of them. It
//! does not connect to anything and holds no policy.

pub mod event;
pub mod id;
pub mod letter;
pub mod privacy;
pub mod subject;
