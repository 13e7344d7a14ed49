-- What somebody asked the bot to remember: about oneself, for one persona or for all, and about a
-- server. Nothing of a conversation comes here by itself.
--
-- Safe while old code runs: two new tables, a column that gets its value by itself, and switches
-- whose defaults are what old code does; old code remembers nothing.

-- What memories belong to: it stays the same when a persona is brought to another server. 0 is no
-- persona in particular.
CREATE SEQUENCE persona_lineages AS bigint MINVALUE 1;
ALTER TABLE personas
    ADD COLUMN persona_lineage_id bigint NOT NULL DEFAULT nextval('persona_lineages')
        CHECK (persona_lineage_id > 0);

ALTER TABLE server_chat_configs
    ADD COLUMN IF NOT EXISTS self_teaching_enabled boolean NOT NULL DEFAULT true,
    ADD COLUMN IF NOT EXISTS server_memteaching_enabled boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS personal_memories_enabled boolean NOT NULL DEFAULT true;

CREATE TABLE personal_memories (
    personal_memory_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id            bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    -- 0: for every persona.
    persona_lineage_id bigint      NOT NULL CHECK (persona_lineage_id >= 0),
    content            text        NOT NULL CHECK (char_length(content) BETWEEN 1 AND 1000),
    origin             text        NOT NULL CHECK (origin IN ('command', 'model', 'import')),
    origin_message_id  snowflake,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    row_version        integer     NOT NULL DEFAULT 1
);

CREATE INDEX personal_memories_owner ON personal_memories (user_id, persona_lineage_id);

CREATE TABLE server_memories (
    server_memory_id     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    server_id            bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    persona_lineage_id   bigint      NOT NULL CHECK (persona_lineage_id > 0),
    content              text        NOT NULL CHECK (char_length(content) BETWEEN 1 AND 1000),
    created_by           bigint      REFERENCES users ON DELETE SET NULL,
    -- Whom it is about, where it is about somebody.
    subject_user_disc_id snowflake,
    origin               text        NOT NULL CHECK (origin IN ('command', 'model', 'import')),
    origin_message_id    snowflake,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    row_version          integer     NOT NULL DEFAULT 1
);

CREATE INDEX server_memories_owner ON server_memories (server_id, persona_lineage_id);
CREATE INDEX server_memories_creator ON server_memories (created_by);
CREATE INDEX server_memories_subject ON server_memories (subject_user_disc_id);

CREATE TRIGGER touch BEFORE UPDATE ON personal_memories FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER touch BEFORE UPDATE ON server_memories FOR EACH ROW EXECUTE FUNCTION touch_row();

INSERT INTO compatible_schemas (number) VALUES (17);
