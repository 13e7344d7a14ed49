-- Tools that a reply used: a row before the effect, and its outcome after it. And the switches of
-- a server for its tools.
--
-- Safe while old code runs: it offers no tools, so it repeats nothing of what it does not read; the
-- new columns have defaults.

CREATE TABLE turn_steps (
    turn_id        uuid        NOT NULL REFERENCES turns ON DELETE CASCADE,
    -- The step of the reply in which the model asked for it, and its place among that step's calls.
    step           integer     NOT NULL CHECK (step >= 0),
    ordinal        integer     NOT NULL CHECK (ordinal >= 0),
    server_id      bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    tool           text        NOT NULL CHECK (char_length(tool) BETWEEN 1 AND 64),
    -- SHA-256 of the arguments, which may be somebody's words.
    arguments_hash bytea       NOT NULL CHECK (octet_length(arguments_hash) = 32),
    -- How many posts of the reply were there before.
    posts_before   integer     NOT NULL CHECK (posts_before >= 0),
    state          text        NOT NULL DEFAULT 'started' CHECK (state IN ('started', 'finished')),
    -- Ids and codes, nobody's words.
    result         jsonb,
    -- The fence under which the row was made.
    fence          bigint      NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (turn_id, step, ordinal),
    CONSTRAINT result_when_finished CHECK ((result IS NOT NULL) = (state = 'finished'))
);

CREATE INDEX turn_steps_server ON turn_steps (server_id);

ALTER TABLE server_chat_configs
    ADD COLUMN tool_use_enabled        boolean NOT NULL DEFAULT true,
    ADD COLUMN thread_creation_enabled boolean NOT NULL DEFAULT false;

INSERT INTO compatible_schemas (number) VALUES (11);
