-- What every table rests on: pgcrypto, the type of Discord's ids, the row trigger, and the list
-- of schema numbers that the release before can live with.
--
-- Safe while old code runs: there is no older release; nothing here touches a table.

CREATE EXTENSION IF NOT EXISTS pgcrypto;

-- Text, because Discord's ids are unsigned 64-bit numbers and bigint is signed.
CREATE DOMAIN snowflake AS text CHECK (VALUE ~ '^[0-9]{15,20}$');

CREATE FUNCTION touch_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    NEW.row_version := OLD.row_version + 1;
    RETURN NEW;
END
$$;

-- A migration with which the code of the release before works as well inserts its own number.
CREATE TABLE compatible_schemas (
    number     bigint      PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);
