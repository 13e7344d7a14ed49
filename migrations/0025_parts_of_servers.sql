-- Receipts of two more deletions: of what a server remembers, and of its personas.
--
-- Safe while old code runs: it writes none of them, and leaves the receipt to be sent by a newer worker.

ALTER TABLE deletion_receipts
    DROP CONSTRAINT deletion_receipts_kind_check,
    ADD CONSTRAINT deletion_receipts_kind_check CHECK (
        kind IN ('user', 'server', 'guild_purge', 'server_memories', 'server_personas'));

INSERT INTO compatible_schemas (number) VALUES (25);
