//! Sealed columns.
