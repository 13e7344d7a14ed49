//! Master keys, the envelope and the inventory of encrypted columns. Pure; no I/O.
