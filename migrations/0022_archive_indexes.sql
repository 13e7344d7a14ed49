-- The ways to what an archive shows about one person, and to what a deletion empties.
--
-- Safe while old code runs: new indexes.

CREATE INDEX personas_lineage ON personas (persona_lineage_id);
CREATE INDEX personalization_blacklist_added ON personalization_blacklist (added_by)
    WHERE added_by IS NOT NULL;

INSERT INTO compatible_schemas (number) VALUES (22);
