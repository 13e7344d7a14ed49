-- Who leads a periodic job, and the way to all records about one user.
--
-- Safe while old code runs: a new table and an index, neither of which it knows.

CREATE TABLE job_leases (
    job         text        PRIMARY KEY CHECK (char_length(job) BETWEEN 1 AND 64),
    worker_id   text        NOT NULL CHECK (char_length(worker_id) BETWEEN 1 AND 200),
    lease_until timestamptz NOT NULL,
    -- When it was last done to the end.
    last_run_at timestamptz
);

CREATE INDEX turn_decisions_user ON turn_decisions (user_disc_id) WHERE user_disc_id IS NOT NULL;

INSERT INTO compatible_schemas (number) VALUES (14);
