-- Answers to requests with an Idempotency-Key, kept in the transaction of their effect.
CREATE TABLE idempotency_keys (
    actor       bigint      NOT NULL,
    route       text        NOT NULL,
    key         text        NOT NULL,
    fingerprint bytea       NOT NULL,
    status      smallint    NOT NULL,
    headers     jsonb       NOT NULL,
    body        bytea       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor, route, key)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
