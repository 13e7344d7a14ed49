-- How many answers people get in a day, and a server in a period of its own.
--
-- Safe while old code runs: new tables, and a trigger which runs as their owner, since old code has no
-- rights to them. Old code counts nothing: a quota holds once the last old worker is gone.

-- 0 is without limit, and no row is 0.
CREATE TABLE generation_quota_configs (
    server_id                  bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    kind                       text        NOT NULL CHECK (kind IN ('text', 'image')),
    daily_user_quota           smallint    NOT NULL DEFAULT 0
                                           CHECK (daily_user_quota BETWEEN 0 AND 100),
    serverwide_quota           integer     NOT NULL DEFAULT 0
                                           CHECK (serverwide_quota BETWEEN 0 AND 99999),
    -- In days.
    serverwide_quota_resets_in smallint    NOT NULL DEFAULT 365
                                           CHECK (serverwide_quota_resets_in BETWEEN 1 AND 365),
    created_at                 timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (server_id, kind)
);

-- What was used since the first use of a window; the first use after its end begins another.
CREATE TABLE generation_quotas (
    server_id    bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    kind         text        NOT NULL CHECK (kind IN ('text', 'image')),
    -- Empty: the pool of the server.
    user_disc_id text        NOT NULL DEFAULT '' CHECK (user_disc_id ~ '^([0-9]{15,20})?$'),
    window_start timestamptz NOT NULL,
    window_end   timestamptz NOT NULL,
    used         integer     NOT NULL CHECK (used >= 0),
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (server_id, kind, user_disc_id)
);

CREATE INDEX generation_quotas_end ON generation_quotas (window_end);
CREATE INDEX generation_quotas_user ON generation_quotas (user_disc_id) WHERE user_disc_id <> '';

-- What was used for whom, so that it is given back once at most.
CREATE TABLE quota_reservations (
    server_id    bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    kind         text        NOT NULL CHECK (kind IN ('text', 'image')),
    trigger_key  text        NOT NULL CHECK (char_length(trigger_key) BETWEEN 1 AND 200),
    user_disc_id snowflake   NOT NULL,
    units        integer     NOT NULL DEFAULT 1 CHECK (units > 0),
    refunded_at  timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (server_id, kind, trigger_key)
);

CREATE INDEX quota_reservations_created ON quota_reservations (created_at);
CREATE INDEX quota_reservations_user ON quota_reservations (user_disc_id);

-- Gives back, once, what the message of a turn used whose end nobody saw anything of; not where another
-- persona still answers that message or did, and not what was used in a window that is over.
CREATE FUNCTION refund_quota(of_server bigint, of_trigger text, ended uuid) RETURNS boolean
    LANGUAGE sql AS $$
    WITH refunded AS (
        UPDATE quota_reservations r SET refunded_at = now()
        WHERE r.server_id = of_server AND r.kind = 'text' AND r.trigger_key = of_trigger
          AND r.refunded_at IS NULL
          AND NOT EXISTS (
              SELECT FROM turns other
              WHERE other.trigger_key = of_trigger AND other.turn_id <> ended
                AND (other.ended_at IS NULL OR other.state = 'done'))
          AND NOT EXISTS (
              SELECT FROM turns seen JOIN turn_posts p ON p.turn_id = seen.turn_id
              WHERE seen.trigger_key = of_trigger AND p.message_id IS NOT NULL
                -- A notice of a failure stands at the last ordinal; it is no answer.
                AND p.ordinal < 2147483647)
        RETURNING r.server_id, r.user_disc_id, r.units, r.created_at
    ), locked AS (
        -- The pool of the server before that of anybody, as everywhere: nobody waits in a circle.
        SELECT q.server_id, q.user_disc_id, r.units
        FROM generation_quotas q JOIN refunded r ON r.server_id = q.server_id
        WHERE q.kind = 'text' AND q.user_disc_id IN ('', r.user_disc_id::text)
          AND q.window_start <= r.created_at
        ORDER BY q.user_disc_id
        FOR UPDATE OF q
    ), given AS (
        UPDATE generation_quotas q SET used = GREATEST(q.used - l.units, 0)
        FROM locked l
        WHERE q.server_id = l.server_id AND q.kind = 'text' AND q.user_disc_id = l.user_disc_id
        RETURNING 1)
    SELECT EXISTS (SELECT FROM given)
$$;

-- What ends in the queue never comes to the end of a turn that gives back.
CREATE FUNCTION refund_what_waited() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM refund_quota(NEW.server_id, NEW.trigger_key, NEW.turn_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER refund AFTER UPDATE OF state ON turns
    FOR EACH ROW WHEN (OLD.state = 'queued' AND NEW.state = 'stopped')
    EXECUTE FUNCTION refund_what_waited();

INSERT INTO compatible_schemas (number) VALUES (27);
