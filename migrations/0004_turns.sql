-- Decisions, turns and the journal of posts: ids, hashes and states, no text of anybody.
--
-- Safe while old code runs: only new tables, which older code does not know.

-- One row per decided event; its unique event id is what makes a second delivery harmless.
CREATE TABLE turn_decisions (
    decision_id     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id        text        NOT NULL UNIQUE CHECK (char_length(event_id) BETWEEN 1 AND 200),
    -- The tenant; no foreign key, because a refusal may precede the setup. NULL where it would
    -- be the id of a user at privacy level 2.
    guild_disc_id   snowflake,
    -- These three are NULL at privacy level 2.
    user_disc_id    snowflake,
    channel_disc_id snowflake,
    message_id      snowflake,
    code            text        NOT NULL CHECK (char_length(code) BETWEEN 1 AND 40),
    created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX turn_decisions_message ON turn_decisions (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX turn_decisions_created ON turn_decisions (created_at);

CREATE TABLE turns (
    turn_id             uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    server_id           bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    channel_disc_id     snowflake   NOT NULL,
    partition           integer     NOT NULL CHECK (partition BETWEEN 0 AND 65535),
    -- The event id of the trigger, or the identity of what started it without an event.
    trigger_key         text        NOT NULL CHECK (char_length(trigger_key) BETWEEN 1 AND 200),
    persona_ordinal     integer     NOT NULL CHECK (persona_ordinal >= 0),
    trigger_message_id  snowflake,
    trigger_kind        text        NOT NULL,
    responsible_disc_id snowflake   NOT NULL,
    -- No foreign key: a persona may be deleted while its turn waits; the turn then ends.
    persona_id          bigint      NOT NULL,
    -- The order within a channel is the order of admission.
    admission_order     bigint      GENERATED ALWAYS AS IDENTITY,
    state               text        NOT NULL DEFAULT 'queued' CHECK (state IN (
        'queued', 'preparing', 'streaming', 'tool', 'finishing',
        'done', 'failed', 'stopped', 'interrupted')),
    worker_id           text        CHECK (char_length(worker_id) BETWEEN 1 AND 200),
    fence               bigint      NOT NULL DEFAULT 0,
    attempts            integer     NOT NULL DEFAULT 0,
    -- Of the last claim.
    claimed_at          timestamptz,
    stop_requested      boolean     NOT NULL DEFAULT false,
    stop_reason         text        CHECK (char_length(stop_reason) BETWEEN 1 AND 64),
    ended_at            timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now(),
    UNIQUE (trigger_key, persona_ordinal),
    CONSTRAINT ended_when_final CHECK (
        (ended_at IS NOT NULL) = (state IN ('done', 'failed', 'stopped', 'interrupted')))
);

-- At most one turn runs in a channel.
CREATE UNIQUE INDEX turns_running ON turns (channel_disc_id)
    WHERE state IN ('preparing', 'streaming', 'tool', 'finishing');
CREATE INDEX turns_open_by_partition ON turns (partition, admission_order) WHERE ended_at IS NULL;
CREATE INDEX turns_open_by_channel ON turns (channel_disc_id, admission_order) WHERE ended_at IS NULL;
CREATE INDEX turns_ended ON turns (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX turns_server ON turns (server_id);

CREATE TABLE turn_posts (
    turn_id    uuid        NOT NULL REFERENCES turns ON DELETE CASCADE,
    ordinal    integer     NOT NULL CHECK (ordinal >= 0),
    server_id  bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    -- An unsigned 64-bit number, kept bit by bit.
    nonce      bigint      NOT NULL,
    text_hash  bytea       NOT NULL CHECK (octet_length(text_hash) = 32),
    state      text        NOT NULL DEFAULT 'sending' CHECK (state IN ('sending', 'sent')),
    message_id snowflake,
    -- The fence under which the row was made.
    fence      bigint      NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (turn_id, ordinal),
    CONSTRAINT message_when_sent CHECK ((message_id IS NOT NULL) = (state = 'sent'))
);

CREATE INDEX turn_posts_server ON turn_posts (server_id);
