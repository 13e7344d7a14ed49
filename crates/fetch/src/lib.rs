//! The hostile internet: the only crate that may resolve and dial addresses that others name.
//!
//! Everything that a user, an administrator, a model, a tool or a provider's answer calls a URL goes
//! through here. Hosts that are fixed in our code do not.
//!
//! What does not happen here, whatever a URL, a name server or an answer says:
//!
//! - No address is dialled that was not judged. An [`Approved`] is made by the policy alone and names
//!   the addresses; the connector takes nothing else, looks nothing up and compares the peer.
//! - No connection is used twice, so none is shared between tenants or outlives its judgement.
//! - No redirect is followed without being judged like a new URL, and no credential, cookie, body or
//!   Referer goes along to another origin.
//! - No proxy, search list, hosts file or key log of the environment is used.
//! - No body is read without a cap on what is received and on what it becomes.
//! - No path, query or header is logged.
//!
//! [`Client::send`] asks, [`Endpoint`] asks one origin, [`Downloads`] reads bytes. Nothing else here
//! opens a connection.

mod address;
mod name;
mod policy;
mod ports;
mod target;

mod guard;
mod resolve;

mod connect;
mod exchange;

mod body;
mod client;
mod decode;
mod endpoint;
mod redirect;

mod budget;
mod data_url;
mod download;
mod leak;
mod purpose;
mod sniff;

mod code;
mod error;
pub mod metrics;

pub use body::{Body, Response};
pub use budget::Tenant;
pub use client::{Bounds, Client, Request};
pub use code::{Code, Refusal};
pub use decode::{Decoder, Encodings};
pub use download::{Download, Downloads, Limits, Room, Wanted};
pub use endpoint::Endpoint;
pub use error::{Cause, Error, Fault, Hop, Phase};
pub use guard::{Approved, Guard};
pub use leak::Source;
pub use policy::{InvalidEndpoint, LocalEndpoint, Policy, Trust};
pub use ports::{InvalidPorts, Ports};
pub use purpose::{Purpose, Use};
pub use redirect::{Redirects, Station, next_station};
pub use sniff::{Kind, sniff};
