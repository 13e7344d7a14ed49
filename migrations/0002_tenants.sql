-- Tenants, the users' privacy levels, and personas.
--
-- Safe while old code runs: only new tables, which older code does not know.

-- A server, or one person's direct messages: then server_disc_id is the id of that user.
CREATE TABLE servers (
    server_id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    server_disc_id   snowflake   NOT NULL UNIQUE,
    is_dm_channel    boolean     NOT NULL DEFAULT false,
    locale           text        NOT NULL DEFAULT 'en-US' CHECK (locale IN ('en-US', 'ja')),
    display_name     text        CHECK (char_length(display_name) <= 100),
    -- Raised by every change of what a worker caches about this tenant.
    settings_version bigint      NOT NULL DEFAULT 1,
    left_at          timestamptz,
    purge_after      timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    row_version      integer     NOT NULL DEFAULT 1
);

CREATE INDEX servers_purge_after ON servers (purge_after) WHERE purge_after IS NOT NULL;

-- No row means level 0.
CREATE TABLE users (
    user_id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_disc_id  snowflake   NOT NULL UNIQUE,
    privacy_level smallint    NOT NULL DEFAULT 0 CHECK (privacy_level BETWEEN 0 AND 2),
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    row_version   integer     NOT NULL DEFAULT 1
);

CREATE INDEX users_privacy_full ON users (user_disc_id) WHERE privacy_level = 2;

CREATE TABLE personas (
    persona_id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    server_id        bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    nickname         text        NOT NULL CHECK (char_length(nickname) BETWEEN 1 AND 80),
    -- false for the main persona, which speaks as the bot itself.
    is_alter         boolean     NOT NULL,
    attribute_list   text[]      NOT NULL DEFAULT '{}',
    -- Pairs of what a user said and what the persona answered: [["hi", "hello"], …]
    sample_dialogues jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(sample_dialogues) = 'array'),
    position         integer     NOT NULL CHECK (position >= 0),
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    row_version      integer     NOT NULL DEFAULT 1
);

CREATE UNIQUE INDEX personas_nickname ON personas (server_id, lower(btrim(nickname)));
CREATE UNIQUE INDEX personas_main ON personas (server_id) WHERE NOT is_alter;

CREATE TABLE persona_configs (
    persona_id     bigint      PRIMARY KEY REFERENCES personas ON DELETE CASCADE,
    server_id      bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    trigger_words  text[]      NOT NULL DEFAULT '{}' CHECK (cardinality(trigger_words) <= 10),
    persona_prompt text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    row_version    integer     NOT NULL DEFAULT 1
);

CREATE INDEX persona_configs_server ON persona_configs (server_id);

CREATE TRIGGER touch BEFORE UPDATE ON servers FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER touch BEFORE UPDATE ON personas FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER touch BEFORE UPDATE ON persona_configs FOR EACH ROW EXECUTE FUNCTION touch_row();
