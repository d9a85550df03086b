-- Who there is, as far as this service has heard: auth owns the accounts, this is what the other tables refer to.
-- Filled from user-events, and from auth over HTTP when a token or a look-up comes before the event.
CREATE TABLE auth_users (
    id         bigint      PRIMARY KEY,
    -- null once deleted: the tombstone keeps no name
    username   text,
    status     text        NOT NULL CHECK (status IN ('active', 'suspended', 'deleted')),
    created_at timestamptz NOT NULL,
    -- of the last event seen; 0 when auth was asked before any event came
    sequence   bigint      NOT NULL CHECK (sequence >= 0),
    deleted_at timestamptz,
    CHECK ((status = 'deleted') = (username IS NULL)),
    CHECK ((status = 'deleted') = (deleted_at IS NOT NULL))
);
-- Not unique: a name can pass from one user to another, and the two events arrive in any order.
CREATE INDEX auth_users_username ON auth_users (lower(username));
