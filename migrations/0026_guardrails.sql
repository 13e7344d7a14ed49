-- How often messages are answered, where and to whom, and how many replies may be open at once.
--
-- Safe while old code runs: new tables, and columns of turns that old code leaves empty. Old code
-- neither limits nor cools: what stands here holds once the last old worker is gone.

-- What rests until when. Not logged: after a crash of the database nothing rests, and that is fine.
-- Scopes that do not belong to a kind are empty.
CREATE UNLOGGED TABLE cooldowns (
    -- 1: somebody in a server, 2: a channel, 3: a server, 4: a server and everybody in it,
    -- 5: somebody's commands of one kind, 6: that something was said.
    cooldown_type    smallint    NOT NULL CHECK (cooldown_type BETWEEN 1 AND 6),
    server_disc_id   text        NOT NULL DEFAULT '' CHECK (server_disc_id ~ '^([0-9]{15,20})?$'),
    user_disc_id     text        NOT NULL DEFAULT '' CHECK (user_disc_id ~ '^([0-9]{15,20})?$'),
    channel_disc_id  text        NOT NULL DEFAULT '' CHECK (channel_disc_id ~ '^([0-9]{15,20})?$'),
    command_category text        NOT NULL DEFAULT '' CHECK (char_length(command_category) <= 32),
    -- The use of a command that took it, which may be asked about twice.
    taken_for        text        NOT NULL DEFAULT '' CHECK (char_length(taken_for) <= 20),
    expires_at       timestamptz NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cooldown_type, server_disc_id, user_disc_id, channel_disc_id, command_category)
);

CREATE INDEX cooldowns_expiry ON cooldowns (expires_at);
CREATE INDEX cooldowns_user ON cooldowns (user_disc_id) WHERE user_disc_id <> '';

-- Deletes what rests no more, the longest over first, and returns how much that was. What was taken
-- anew meanwhile stays: that it is over is looked at again once its row is locked.
CREATE FUNCTION cleanup_expired_cooldowns() RETURNS bigint LANGUAGE sql AS $$
    WITH gone AS (
        DELETE FROM cooldowns WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM cooldowns WHERE expires_at <= now() ORDER BY expires_at LIMIT 10000))
          AND expires_at <= now()
        RETURNING 1)
    SELECT count(*) FROM gone
$$;

-- What a turn's message made rest, so that it can be given back.
ALTER TABLE turns
    ADD COLUMN cooldown_type  smallint CHECK (cooldown_type BETWEEN 1 AND 4),
    ADD COLUMN cooldown_until timestamptz,
    ADD CONSTRAINT cooldown_whole CHECK ((cooldown_type IS NULL) = (cooldown_until IS NULL));

CREATE INDEX turns_open_by_user ON turns (responsible_disc_id) WHERE ended_at IS NULL;
CREATE INDEX turns_open_by_server ON turns (server_id) WHERE ended_at IS NULL;

-- How many messages of a person wait for their replies, in all servers. Of the personas that answer
-- one message the first one counts, and the answer to a stop counts for nothing. Whoever owns it
-- may be bound by the policies as well, so it goes through system scope and back.
CREATE FUNCTION open_messages_of(person text) RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    scope text := COALESCE(current_setting('tomori.scope', true), '');
    open bigint;
BEGIN
    PERFORM set_config('tomori.scope', 'system', true);
    SELECT count(*) INTO open FROM turns
    WHERE responsible_disc_id = person AND ended_at IS NULL
      AND persona_ordinal = 0 AND trigger_kind <> 'stop';
    PERFORM set_config('tomori.scope', scope, true);
    RETURN open;
END
$$;
REVOKE EXECUTE ON FUNCTION open_messages_of(text) FROM PUBLIC;

CREATE TABLE server_trigger_configs (
    server_id       bigint      PRIMARY KEY REFERENCES servers ON DELETE CASCADE,
    -- As in cooldowns; 0: nothing rests.
    cooldown_type   smallint    NOT NULL DEFAULT 0 CHECK (cooldown_type BETWEEN 0 AND 4),
    -- In seconds.
    cooldown_length integer     NOT NULL DEFAULT 5 CHECK (cooldown_length BETWEEN 1 AND 86400),
    -- Most personas that answer one message.
    match_limit     smallint    NOT NULL DEFAULT 3 CHECK (match_limit BETWEEN 1 AND 10),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    row_version     integer     NOT NULL DEFAULT 1
);

-- Where messages are answered; everywhere while it is empty.
CREATE TABLE channel_whitelist (
    server_id       bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    channel_disc_id snowflake   NOT NULL,
    -- What rests there instead of what rests in the server; NULL: as in the server.
    cooldown_type   smallint    CHECK (cooldown_type BETWEEN 0 AND 4),
    cooldown_length integer     CHECK (cooldown_length BETWEEN 0 AND 86400),
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (server_id, channel_disc_id),
    CONSTRAINT override_whole CHECK ((cooldown_type IS NULL) = (cooldown_length IS NULL))
);

-- Which roles are answered; everybody while it is empty.
CREATE TABLE role_whitelist (
    server_id    bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    role_disc_id snowflake   NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (server_id, role_disc_id)
);

-- Where a persona answers; everywhere while it has no row.
CREATE TABLE channel_persona_whitelist (
    server_id       bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    persona_id      bigint      NOT NULL REFERENCES personas ON DELETE CASCADE,
    channel_disc_id snowflake   NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (server_id, persona_id, channel_disc_id)
);

CREATE INDEX channel_persona_whitelist_persona ON channel_persona_whitelist (persona_id);

CREATE TRIGGER touch BEFORE UPDATE ON server_trigger_configs
    FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER settings AFTER INSERT OR UPDATE OR DELETE ON server_trigger_configs
    FOR EACH ROW EXECUTE FUNCTION raise_settings_version();
CREATE TRIGGER settings AFTER INSERT OR UPDATE OR DELETE ON channel_whitelist
    FOR EACH ROW EXECUTE FUNCTION raise_settings_version();
CREATE TRIGGER settings AFTER INSERT OR UPDATE OR DELETE ON role_whitelist
    FOR EACH ROW EXECUTE FUNCTION raise_settings_version();
CREATE TRIGGER settings AFTER INSERT OR UPDATE OR DELETE ON channel_persona_whitelist
    FOR EACH ROW EXECUTE FUNCTION raise_settings_version();

INSERT INTO compatible_schemas (number) VALUES (26);
