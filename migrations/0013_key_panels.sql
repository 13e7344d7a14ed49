-- How often somebody did something today, and which changes of a provider key people make.
--
-- Safe while old code runs: it does not know the table, and reads row_version of no key.

-- Rolling windows of a day: counted from the first use, begun anew by the first use after its end.
CREATE TABLE operation_quotas (
    scope_kind    text        NOT NULL CHECK (scope_kind IN ('user', 'server')),
    scope_disc_id snowflake   NOT NULL,
    operation     text        NOT NULL CHECK (char_length(operation) BETWEEN 1 AND 64),
    window_start  timestamptz NOT NULL,
    used          integer     NOT NULL CHECK (used >= 0),
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope_kind, scope_disc_id, operation)
);

CREATE INDEX operation_quotas_window ON operation_quotas (window_start);

-- Counts of use change every other second. The version by which a panel knows that somebody else
-- changed what it shows is raised by what people change only.
CREATE FUNCTION touch_pool_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    IF (OLD.label, OLD.is_enabled) IS DISTINCT FROM (NEW.label, NEW.is_enabled) THEN
        NEW.row_version := OLD.row_version + 1;
    END IF;
    RETURN NEW;
END
$$;

DROP TRIGGER touch ON api_key_rotation;
CREATE TRIGGER touch BEFORE UPDATE ON api_key_rotation FOR EACH ROW EXECUTE FUNCTION touch_pool_key();

INSERT INTO compatible_schemas (number) VALUES (13);
