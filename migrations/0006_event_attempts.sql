-- How often an event was begun that was in the stream before its owner: what ends its worker each
-- time is given up instead of ending all workers for ever. Ids only.
--
-- Safe while old code runs: only a new table, which older code does not know.

CREATE TABLE event_attempts (
    event_id text        PRIMARY KEY CHECK (char_length(event_id) BETWEEN 1 AND 200),
    tries    integer     NOT NULL DEFAULT 1 CHECK (tries > 0),
    -- The ownership of the last try, counted once however often its statement is repeated.
    begun_by text        NOT NULL CHECK (char_length(begun_by) BETWEEN 1 AND 200),
    last_at  timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX event_attempts_last ON event_attempts (last_at);
