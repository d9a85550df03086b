-- Accounts and their sessions. Nothing that could be used to log in is stored in the clear: passwords are argon2id
-- hashes, and the keys of refresh tokens are encrypted with a key that the database never sees.
CREATE TABLE users (
    id             bigint      PRIMARY KEY,
    -- as typed; compared by the index below
    username       text        NOT NULL,
    -- lower-cased
    email          text        NOT NULL,
    email_verified boolean     NOT NULL DEFAULT false,
    -- a PHC string: algorithm and parameters stand in it, so they can change with time
    password_hash  text        NOT NULL,
    status         text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'deleted')),
    -- of the last event about this account
    sequence       bigint      NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL
);
CREATE UNIQUE INDEX users_username ON users (lower(username));
CREATE UNIQUE INDEX users_email ON users (email);

CREATE TABLE sessions (
    id             uuid        PRIMARY KEY,
    user_id        bigint      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- of the refresh token given out last
    counter        bigint      NOT NULL,
    -- the key of this session's refresh tokens, encrypted
    wrapped_key    bytea       NOT NULL,
    user_agent     text,
    ip             inet,
    created_at     timestamptz NOT NULL,
    -- when the counter was last moved
    last_used_at   timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    revoked_at     timestamptz,
    revoked_reason text
);
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);
