-- Tools of tool servers that a server's administrators approved. A tool without a row is off.
--
-- Safe while old code runs: a new table, which it does not know and does not read.

CREATE TABLE guild_mcp_tools (
    guild_mcp_id    bigint      NOT NULL REFERENCES guild_mcp_servers ON DELETE CASCADE,
    -- The tool's name at its server.
    tool_name       text        NOT NULL CHECK (char_length(tool_name) BETWEEN 1 AND 128),
    server_id       bigint      NOT NULL REFERENCES servers ON DELETE CASCADE,
    -- SHA-256 of name, description and schema as they were approved: what says otherwise of itself is
    -- another tool.
    approved_sha256 bytea       NOT NULL CHECK (octet_length(approved_sha256) = 32),
    -- Whether an administrator says that it changes nothing, whatever its server says.
    read_only       boolean     NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (guild_mcp_id, tool_name)
);

CREATE INDEX guild_mcp_tools_server ON guild_mcp_tools (server_id);

INSERT INTO compatible_schemas (number) VALUES (24);
