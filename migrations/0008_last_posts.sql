-- The last post of a reply is marked, so that a successor knows a whole reply from a broken one;
-- posts are found by their nonce, by which Discord echoes them.
--
-- Safe while old code runs: it marks nothing and reads neither.

ALTER TABLE turn_posts ADD COLUMN is_last boolean NOT NULL DEFAULT false;

CREATE INDEX turn_posts_nonce ON turn_posts (nonce);

INSERT INTO compatible_schemas (number) VALUES (8);
