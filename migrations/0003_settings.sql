-- Settings of a tenant, one row per table, and the trigger that raises settings_version.
--
-- Safe while old code runs: new tables, and triggers on tables that older code does not know.

CREATE TABLE server_model_configs (
    server_id              bigint      PRIMARY KEY REFERENCES servers ON DELETE CASCADE,
    provider               text        CHECK (char_length(provider) BETWEEN 1 AND 64),
    -- Sealed: an envelope made by the worker, encrypted once more by pgcrypto.
    api_key                bytea,
    key_version            integer,
    -- 1: pgcrypto of the text under the master key; 2: pgcrypto of an envelope.
    key_form               smallint    CHECK (key_form IN (1, 2)),
    key_last4              text        CHECK (char_length(key_last4) = 4),
    main_key_auth_failures integer     NOT NULL DEFAULT 0 CHECK (main_key_auth_failures >= 0),
    main_key_disabled_at   timestamptz,
    -- {"provider": …, "model": …}
    text_model             jsonb       CHECK (text_model ?& ARRAY['provider', 'model']),
    llm_temperature        real        NOT NULL DEFAULT 1.0 CHECK (llm_temperature BETWEEN 0 AND 2),
    llm_max_output_tokens  integer     CHECK (llm_max_output_tokens > 0),
    created_at             timestamptz NOT NULL DEFAULT now(),
    updated_at             timestamptz NOT NULL DEFAULT now(),
    row_version            integer     NOT NULL DEFAULT 1,
    CONSTRAINT key_form_recorded CHECK (api_key IS NULL OR key_form IS NOT NULL)
);

CREATE TABLE server_chat_configs (
    server_id           bigint      PRIMARY KEY REFERENCES servers ON DELETE CASCADE,
    humanizer_degree    smallint    NOT NULL DEFAULT 1 CHECK (humanizer_degree BETWEEN 0 AND 3),
    message_fetch_limit smallint    NOT NULL DEFAULT 80 CHECK (message_fetch_limit BETWEEN 20 AND 100),
    system_prompt       text,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    row_version         integer     NOT NULL DEFAULT 1
);

CREATE TRIGGER touch BEFORE UPDATE ON server_model_configs FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER touch BEFORE UPDATE ON server_chat_configs FOR EACH ROW EXECUTE FUNCTION touch_row();

CREATE FUNCTION raise_settings_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE servers SET settings_version = settings_version + 1
    WHERE server_id = COALESCE(NEW.server_id, OLD.server_id);
    RETURN NULL;
END
$$;

CREATE TRIGGER settings AFTER INSERT OR UPDATE OR DELETE ON server_model_configs
    FOR EACH ROW EXECUTE FUNCTION raise_settings_version();
CREATE TRIGGER settings AFTER INSERT OR UPDATE OR DELETE ON server_chat_configs
    FOR EACH ROW EXECUTE FUNCTION raise_settings_version();
CREATE TRIGGER settings AFTER INSERT OR UPDATE OR DELETE ON personas
    FOR EACH ROW EXECUTE FUNCTION raise_settings_version();
CREATE TRIGGER settings AFTER INSERT OR UPDATE OR DELETE ON persona_configs
    FOR EACH ROW EXECUTE FUNCTION raise_settings_version();

CREATE FUNCTION raise_own_settings_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.settings_version := OLD.settings_version + 1;
    RETURN NEW;
END
$$;

CREATE TRIGGER settings BEFORE UPDATE OF locale, display_name ON servers
    FOR EACH ROW WHEN ((OLD.locale, OLD.display_name) IS DISTINCT FROM (NEW.locale, NEW.display_name))
    EXECUTE FUNCTION raise_own_settings_version();
