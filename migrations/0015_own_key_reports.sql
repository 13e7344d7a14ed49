-- What calls tell about users' own keys, which users were told of it, and who takes no direct
-- messages.
--
-- Safe while old code runs: every new column has a default that means what old code does. What old
-- code learns of a user's key it does not record, as before; of what it lets be used again, a count
-- may stay that ends the use sooner.

ALTER TABLE user_provider_keys
    -- Answers in a row that called the key wrong.
    ADD COLUMN auth_failures integer NOT NULL DEFAULT 0 CHECK (auth_failures >= 0),
    -- Raised by every change of the key and of its state: a result from before it changes nothing.
    ADD COLUMN generation bigint NOT NULL DEFAULT 0,
    ADD COLUMN told_at timestamptz;

ALTER TABLE users ADD COLUMN dm_closed_until timestamptz;

-- Disabled keys of which nobody was told yet.
CREATE INDEX user_provider_keys_untold ON user_provider_keys (user_provider_key_id)
    WHERE disabled_at IS NOT NULL AND told_at IS NULL;

-- The version by which a panel knows that somebody else changed what it shows is raised by what it
-- shows, not by what is counted.
DROP TRIGGER touch ON user_provider_keys;
CREATE TRIGGER touch BEFORE UPDATE ON user_provider_keys FOR EACH ROW
    WHEN ((OLD.models, OLD.enabled_capabilities, OLD.disabled_at, OLD.api_key)
          IS DISTINCT FROM
          (NEW.models, NEW.enabled_capabilities, NEW.disabled_at, NEW.api_key))
    EXECUTE FUNCTION touch_row();

INSERT INTO compatible_schemas (number) VALUES (15);
