-- Mails that wait to be sent, written in the transaction of what they tell. What is in them, and to whom, is encrypted
-- with a key that the database never sees, and erased as soon as they are sent or given up.
CREATE TABLE mails (
    id              uuid        PRIMARY KEY,
    -- SHA-256 of kind and address: counts what an address gets
    budget          bytea       NOT NULL,
    kind            text        NOT NULL,
    sealed          bytea,
    created_at      timestamptz NOT NULL,
    -- also the end of the lease of who is sending it
    next_attempt_at timestamptz NOT NULL,
    give_up_at      timestamptz NOT NULL,
    attempts        integer     NOT NULL DEFAULT 0,
    done_at         timestamptz
);
CREATE INDEX mails_waiting ON mails (next_attempt_at) WHERE done_at IS NULL;
CREATE INDEX mails_budget ON mails (budget, created_at);
CREATE INDEX mails_done_at ON mails (done_at);
