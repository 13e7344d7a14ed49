-- What stays of deletions: receipts that name nobody, and what is left to do outside of this
-- database. And the ways to everything about one person or one server.
--
-- Safe while old code runs: new tables and indexes, which it does not know.

CREATE TABLE deletion_receipts (
    receipt_id uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    kind       text        NOT NULL CHECK (kind IN ('user', 'server', 'guild_purge')),
    done_at    timestamptz NOT NULL DEFAULT now(),
    -- {"deleted": {"settings": 1, …}, "kept": {…}}: numbers of rows, and no id.
    counts     jsonb       NOT NULL CHECK (jsonb_typeof(counts) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX deletion_receipts_done ON deletion_receipts (done_at);

-- One row per errand, written in the transaction that makes it necessary.
CREATE TABLE outbox (
    outbox_id  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text        NOT NULL CHECK (kind IN ('kv_privacy', 'forget', 'dm', 'webhook_delete')),
    -- Ids only.
    payload    jsonb       NOT NULL CHECK (jsonb_typeof(payload) = 'object'),
    attempts   integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_at    timestamptz NOT NULL DEFAULT now(),
    done_at    timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT done_names_nobody CHECK (done_at IS NULL OR payload = '{}')
);

CREATE INDEX outbox_due ON outbox (next_at) WHERE done_at IS NULL;
CREATE INDEX outbox_done ON outbox (done_at) WHERE done_at IS NOT NULL;

CREATE INDEX turns_responsible ON turns (responsible_disc_id);
CREATE INDEX turn_decisions_guild ON turn_decisions (guild_disc_id) WHERE guild_disc_id IS NOT NULL;

INSERT INTO compatible_schemas (number) VALUES (19);
