-- What people want to be called, in every server.
--
-- Safe while old code runs: a column that it does not know.

ALTER TABLE users ADD COLUMN user_nickname text CHECK (char_length(user_nickname) BETWEEN 1 AND 100);

INSERT INTO compatible_schemas (number) VALUES (23);
