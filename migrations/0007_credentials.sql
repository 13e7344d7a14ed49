-- Every place in which credentials of tenants and users rest sealed, besides the main key.
--
-- Safe while old code runs: only new tables, which older code does not know.
--
-- In all of them: api_key, auth_token and webhook_token hold an envelope made by the worker,
-- encrypted once more by pgcrypto; key_version names the master key (NULL and 0 mean 1); key_form
-- is 1 for pgcrypto of the text under the master key itself, as other installations wrote it, and
-- 2 for ours.

-- The pool of provider keys of a server.
CREATE TABLE api_key_rotation (
    rotation_key_id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    server_id               bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    provider                text        NOT NULL
        CHECK (char_length(provider) BETWEEN 1 AND 64 AND provider = lower(provider)),
    label                   text        CHECK (char_length(label) BETWEEN 1 AND 32),
    api_key                 bytea,
    key_version             integer,
    key_form                smallint    CHECK (key_form IN (1, 2)),
    key_last4               text        CHECK (char_length(key_last4) = 4),
    -- Stands for server_model_configs.api_key, so that the main key takes part in the pool.
    is_main_key_pointer     boolean     NOT NULL DEFAULT false,
    is_enabled              boolean     NOT NULL DEFAULT true,
    disabled_reason         text        CHECK (char_length(disabled_reason) BETWEEN 1 AND 64),
    usage_count             bigint      NOT NULL DEFAULT 0 CHECK (usage_count >= 0),
    error_count             integer     NOT NULL DEFAULT 0 CHECK (error_count >= 0),
    auth_failures           integer     NOT NULL DEFAULT 0 CHECK (auth_failures >= 0),
    last_used_at            timestamptz,
    last_error_at           timestamptz,
    last_error_type         text        CHECK (last_error_type IN ('rate_limit', 'api_error')),
    last_error_message      text        CHECK (char_length(last_error_message) <= 500),
    cooldown_until          timestamptz,
    -- Raised by every change of state: a result from before it changes nothing.
    generation              bigint      NOT NULL DEFAULT 0,
    probe_until             timestamptz,
    last_success_attempt_at timestamptz,
    last_error_attempt_at   timestamptz,
    admins_told_at          timestamptz,
    created_at              timestamptz NOT NULL DEFAULT now(),
    updated_at              timestamptz NOT NULL DEFAULT now(),
    row_version             integer     NOT NULL DEFAULT 1,
    CONSTRAINT pointer_holds_no_key CHECK ((api_key IS NULL) = is_main_key_pointer),
    CONSTRAINT key_form_recorded CHECK (api_key IS NULL OR key_form IS NOT NULL)
);

CREATE UNIQUE INDEX api_key_rotation_pointer ON api_key_rotation (server_id, provider)
    WHERE is_main_key_pointer;
CREATE INDEX api_key_rotation_usage
    ON api_key_rotation (server_id, provider, usage_count, rotation_key_id);

-- Keys of optional services.
CREATE TABLE opt_api_keys (
    opt_api_key_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    server_id      bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    service_name   text        NOT NULL CHECK (service_name IN ('brave-search')),
    api_key        bytea       NOT NULL,
    key_version    integer     NOT NULL,
    key_form       smallint    NOT NULL CHECK (key_form IN (1, 2)),
    key_last4      text        CHECK (char_length(key_last4) = 4),
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    row_version    integer     NOT NULL DEFAULT 1,
    UNIQUE (server_id, service_name)
);

-- A user's own provider keys.
CREATE TABLE user_provider_keys (
    user_provider_key_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id              bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    provider             text        NOT NULL CHECK (char_length(provider) BETWEEN 1 AND 64),
    api_key              bytea       NOT NULL,
    key_version          integer     NOT NULL,
    key_form             smallint    NOT NULL CHECK (key_form IN (1, 2)),
    key_last4            text        CHECK (char_length(key_last4) = 4),
    -- The chosen model per capability.
    models               jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(models) = 'object'),
    enabled_capabilities text[]      NOT NULL DEFAULT '{}',
    disabled_at          timestamptz,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    row_version          integer     NOT NULL DEFAULT 1,
    UNIQUE (user_id, provider)
);

-- Model servers that a server or a user brings.
CREATE TABLE custom_endpoints (
    endpoint_id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    server_id         bigint      REFERENCES servers ON DELETE CASCADE,
    user_id           bigint      REFERENCES users ON DELETE CASCADE,
    label             text        NOT NULL CHECK (char_length(label) BETWEEN 1 AND 64),
    capability        text        NOT NULL CHECK (capability IN ('text', 'embedding', 'image')),
    api_style         text        CHECK (char_length(api_style) BETWEEN 1 AND 32),
    endpoint_url      text        NOT NULL CHECK (char_length(endpoint_url) BETWEEN 1 AND 2048),
    model_name        text        CHECK (char_length(model_name) BETWEEN 1 AND 200),
    display_name      text        CHECK (char_length(display_name) BETWEEN 1 AND 100),
    context_tokens    integer     CHECK (context_tokens > 0),
    -- NULL: the endpoint asks for none.
    auth_token        bytea,
    key_version       integer,
    key_form          smallint    CHECK (key_form IN (1, 2)),
    key_last4         text        CHECK (char_length(key_last4) = 4),
    extra_options     jsonb       CHECK (jsonb_typeof(extra_options) = 'object'),
    workflow          jsonb       CHECK (octet_length(workflow::text) <= 2 * 1024 * 1024),
    disabled_params   text[]      NOT NULL DEFAULT '{}',
    has_tools         boolean     NOT NULL DEFAULT false,
    sees_images       boolean     NOT NULL DEFAULT false,
    sees_videos       boolean     NOT NULL DEFAULT false,
    structured_output boolean     NOT NULL DEFAULT false,
    is_default        boolean     NOT NULL DEFAULT false,
    tested_at         timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    row_version       integer     NOT NULL DEFAULT 1,
    CONSTRAINT one_owner CHECK ((server_id IS NULL) <> (user_id IS NULL)),
    CONSTRAINT key_form_recorded CHECK (auth_token IS NULL OR key_form IS NOT NULL)
);

CREATE UNIQUE INDEX custom_endpoints_server_label
    ON custom_endpoints (server_id, label, capability) WHERE server_id IS NOT NULL;
CREATE UNIQUE INDEX custom_endpoints_user_label
    ON custom_endpoints (user_id, label, capability) WHERE user_id IS NOT NULL;

-- Tool servers that a server brings.
CREATE TABLE guild_mcp_servers (
    guild_mcp_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    server_id    bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    name         text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    url          text        NOT NULL CHECK (char_length(url) BETWEEN 1 AND 2048),
    role         text        NOT NULL DEFAULT 'none'
        CHECK (role IN ('none', 'web_search', 'url_fetcher')),
    -- NULL: the server asks for none.
    auth_token   bytea,
    key_version  integer,
    key_form     smallint    CHECK (key_form IN (1, 2)),
    key_last4    text        CHECK (char_length(key_last4) = 4),
    is_enabled   boolean     NOT NULL DEFAULT true,
    failures     integer     NOT NULL DEFAULT 0 CHECK (failures >= 0),
    rest_until   timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    row_version  integer     NOT NULL DEFAULT 1,
    CONSTRAINT key_form_recorded CHECK (auth_token IS NULL OR key_form IS NOT NULL)
);

CREATE UNIQUE INDEX guild_mcp_servers_name ON guild_mcp_servers (server_id, lower(name));

-- Webhooks that the bot owns, through which personas speak.
CREATE TABLE discord_managed_webhooks (
    managed_webhook_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    server_id          bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    channel_disc_id    snowflake   NOT NULL,
    kind               text        NOT NULL CHECK (char_length(kind) BETWEEN 1 AND 32),
    webhook_disc_id    snowflake   NOT NULL UNIQUE,
    webhook_token      bytea       NOT NULL,
    key_version        integer     NOT NULL,
    key_form           smallint    NOT NULL CHECK (key_form IN (1, 2)),
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    row_version        integer     NOT NULL DEFAULT 1,
    UNIQUE (channel_disc_id, kind)
);

CREATE INDEX discord_managed_webhooks_server ON discord_managed_webhooks (server_id);

CREATE TRIGGER touch BEFORE UPDATE ON api_key_rotation FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER touch BEFORE UPDATE ON opt_api_keys FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER touch BEFORE UPDATE ON user_provider_keys FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER touch BEFORE UPDATE ON custom_endpoints FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER touch BEFORE UPDATE ON guild_mcp_servers FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER touch BEFORE UPDATE ON discord_managed_webhooks
    FOR EACH ROW EXECUTE FUNCTION touch_row();
