-- Whose personal memories a server does without, and whom a persona does not answer for a while.
--
-- Safe while old code runs: two new tables. Old code neither reads nor writes them: what stands in
-- them holds for new workers only until the last old one is gone.

-- Names a row of either table in a list of both. Whoever replaces a row gives it a new number, so
-- that a list which shows the old one cannot remove the new one.
CREATE SEQUENCE restrictions AS bigint MINVALUE 1;

CREATE TABLE personalization_blacklist (
    server_id      bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    user_disc_id   snowflake   NOT NULL,
    restriction_id bigint      NOT NULL DEFAULT nextval('restrictions') UNIQUE,
    -- Who put the person there; NULL when that person's data was deleted.
    added_by       snowflake,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (server_id, user_disc_id)
);

CREATE INDEX personalization_blacklist_user ON personalization_blacklist (user_disc_id);

CREATE TABLE persona_user_blocks (
    server_id      bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    persona_id     bigint      NOT NULL REFERENCES personas ON DELETE CASCADE,
    user_disc_id   snowflake   NOT NULL,
    restriction_id bigint      NOT NULL DEFAULT nextval('restrictions') UNIQUE,
    -- mute: what the person says does not call the persona. block: nor does the persona see it.
    block_type     text        NOT NULL CHECK (block_type IN ('mute', 'block')),
    reason         text        NOT NULL CHECK (char_length(reason) BETWEEN 1 AND 250),
    expires_at     timestamptz NOT NULL,
    created_by     text        NOT NULL CHECK (created_by IN ('persona', 'moderator')),
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (server_id, persona_id, user_disc_id)
);

CREATE INDEX persona_user_blocks_persona ON persona_user_blocks (persona_id);
CREATE INDEX persona_user_blocks_user ON persona_user_blocks (user_disc_id);
CREATE INDEX persona_user_blocks_expiry ON persona_user_blocks (expires_at);

INSERT INTO compatible_schemas (number) VALUES (20);
