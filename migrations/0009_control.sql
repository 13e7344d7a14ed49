-- Order within a channel beyond that of admission, chains of follow-ups, and what a kill makes void.
--
-- Safe while old code runs: it runs turns in the order of admission, and clears nothing.

-- 0: the answer to a stop, 1: a follow-up, 2: everything else; smaller runs first.
ALTER TABLE turns ADD COLUMN priority smallint NOT NULL DEFAULT 2 CHECK (priority BETWEEN 0 AND 2);
-- How many turns in a row were interrupted to get here.
ALTER TABLE turns ADD COLUMN follow_ups smallint NOT NULL DEFAULT 0 CHECK (follow_ups >= 0);

CREATE TABLE channel_state (
    server_id       bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    channel_disc_id snowflake   NOT NULL,
    -- Queued turns that were admitted until then are void.
    cleared_before  timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    row_version     integer     NOT NULL DEFAULT 1,
    PRIMARY KEY (server_id, channel_disc_id)
);

CREATE INDEX channel_state_channel ON channel_state (channel_disc_id);
CREATE INDEX channel_state_updated ON channel_state (updated_at);

CREATE TRIGGER touch BEFORE UPDATE ON channel_state FOR EACH ROW EXECUTE FUNCTION touch_row();

INSERT INTO compatible_schemas (number) VALUES (9);
