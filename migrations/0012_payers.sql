-- Who pays for a turn and with which models, what is known of a main key that providers refuse, who
-- was told of it, and a record of every call of a model: ids, classes and durations, no text, no key.
--
-- Safe while old code runs: every new column has a default that means what old code does (the
-- server pays, with its one model), and old code knows none of the new tables. What it learns of a
-- main key it does not record, as before; a pool key that it disables is told by nobody, as before.

ALTER TABLE users ADD COLUMN personal_provider_enabled boolean NOT NULL DEFAULT false;

ALTER TABLE server_model_configs
    -- Members must bring keys of their own.
    ADD COLUMN user_byok_mode boolean NOT NULL DEFAULT false,
    -- Raised by every change of the main key and of its state: a result from before it changes
    -- nothing.
    ADD COLUMN main_key_generation bigint NOT NULL DEFAULT 0,
    ADD COLUMN main_key_last_error text CHECK (char_length(main_key_last_error) <= 500),
    ADD COLUMN main_key_told_at timestamptz;

ALTER TABLE server_chat_configs
    ADD COLUMN IF NOT EXISTS notice_channel_disc_id snowflake,
    ADD COLUMN IF NOT EXISTS tool_notice_hidden_keys text[] NOT NULL DEFAULT '{}';

-- {"provider": …, "model": …}
ALTER TABLE persona_configs
    ADD COLUMN text_model_ref jsonb CHECK (text_model_ref ?& ARRAY['provider', 'model']);

ALTER TABLE turns
    ADD COLUMN paid_by text NOT NULL DEFAULT 'server' CHECK (paid_by IN ('server', 'user'));

-- Another model than the server's in one channel.
CREATE TABLE channel_model_overrides (
    server_id       bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    channel_disc_id snowflake   NOT NULL,
    text_model      jsonb       NOT NULL CHECK (text_model ?& ARRAY['provider', 'model']),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    row_version     integer     NOT NULL DEFAULT 1,
    PRIMARY KEY (server_id, channel_disc_id)
);

-- Models that are asked when those before them do not answer, of a server or of a user.
CREATE TABLE fallback_models (
    fallback_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    server_id   bigint      REFERENCES servers ON DELETE CASCADE,
    user_id     bigint      REFERENCES users ON DELETE CASCADE,
    position    smallint    NOT NULL CHECK (position BETWEEN 1 AND 5),
    model_ref   jsonb       NOT NULL CHECK (model_ref ?& ARRAY['provider', 'model']),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    row_version integer     NOT NULL DEFAULT 1,
    CONSTRAINT one_owner CHECK ((server_id IS NULL) <> (user_id IS NULL))
);

CREATE UNIQUE INDEX fallback_models_server ON fallback_models (server_id, position)
    WHERE server_id IS NOT NULL;
CREATE UNIQUE INDEX fallback_models_user ON fallback_models (user_id, position)
    WHERE user_id IS NOT NULL;

CREATE TABLE turn_attempts (
    turn_id         uuid        NOT NULL REFERENCES turns ON DELETE CASCADE,
    -- Which call of the turn, and which attempt at it.
    step            integer     NOT NULL CHECK (step > 0),
    attempt         integer     NOT NULL CHECK (attempt > 0),
    server_id       bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    model_ref       jsonb       NOT NULL CHECK (model_ref ?& ARRAY['provider', 'model']),
    -- No foreign key: the record outlives a key that is removed.
    rotation_key_id bigint,
    class           text        NOT NULL CHECK (char_length(class) BETWEEN 1 AND 32),
    started_at      timestamptz NOT NULL,
    -- NULL where no answer began.
    first_byte_ms   integer     CHECK (first_byte_ms >= 0),
    total_ms        integer     NOT NULL CHECK (total_ms >= 0),
    tokens_in       bigint      CHECK (tokens_in >= 0),
    tokens_out      bigint      CHECK (tokens_out >= 0),
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (turn_id, step, attempt)
);

CREATE INDEX turn_attempts_server ON turn_attempts (server_id);

-- Disabled keys of which nobody was told yet.
CREATE INDEX api_key_rotation_untold ON api_key_rotation (rotation_key_id)
    WHERE NOT is_enabled AND disabled_reason = 'auth' AND admins_told_at IS NULL;
CREATE INDEX server_model_configs_untold ON server_model_configs (server_id)
    WHERE main_key_disabled_at IS NOT NULL AND main_key_told_at IS NULL;

CREATE TRIGGER touch BEFORE UPDATE ON channel_model_overrides
    FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER touch BEFORE UPDATE ON fallback_models FOR EACH ROW EXECUTE FUNCTION touch_row();

CREATE TRIGGER settings AFTER INSERT OR UPDATE OR DELETE ON channel_model_overrides
    FOR EACH ROW EXECUTE FUNCTION raise_settings_version();
CREATE TRIGGER settings AFTER INSERT OR UPDATE OR DELETE ON fallback_models
    FOR EACH ROW EXECUTE FUNCTION raise_settings_version();

-- What is learned of the main key by calling with it is no setting: were it one, a provider that
-- refuses would make every worker read the server's settings again after every call.
DROP TRIGGER settings ON server_model_configs;
CREATE TRIGGER settings AFTER INSERT OR DELETE ON server_model_configs
    FOR EACH ROW EXECUTE FUNCTION raise_settings_version();
CREATE TRIGGER settings_changed AFTER UPDATE ON server_model_configs
    FOR EACH ROW
    WHEN (to_jsonb(OLD) - ARRAY['main_key_generation', 'main_key_auth_failures',
              'main_key_last_error', 'main_key_told_at', 'updated_at', 'row_version']
          IS DISTINCT FROM
          to_jsonb(NEW) - ARRAY['main_key_generation', 'main_key_auth_failures',
              'main_key_last_error', 'main_key_told_at', 'updated_at', 'row_version'])
    EXECUTE FUNCTION raise_settings_version();

INSERT INTO compatible_schemas (number) VALUES (12);
