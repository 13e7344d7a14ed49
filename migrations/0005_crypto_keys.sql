-- A check value per version of the master key: tells a wrong key from a damaged row at start.
--
-- Safe while old code runs: only a new table, which older code does not know.

CREATE TABLE crypto_keys (
    version     integer     PRIMARY KEY CHECK (version > 0),
    check_value bytea       NOT NULL CHECK (octet_length(check_value) = 32),
    state       text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retired')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    retired_at  timestamptz
);
