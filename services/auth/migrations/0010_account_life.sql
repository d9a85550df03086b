-- What happens to an account between its making and its end.

-- Names that nobody may take for a while, because somebody was known by them until lately; their last owner may.
CREATE TABLE reserved_usernames (
    -- lower-cased
    name    text        PRIMARY KEY,
    user_id bigint      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    until   timestamptz NOT NULL
);
CREATE INDEX reserved_usernames_until ON reserved_usernames (until);

-- Addresses that accounts shall have once their owners have confirmed them.
CREATE TABLE email_changes (
    user_id    bigint      PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- lower-cased
    email      text        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX email_changes_email ON email_changes (email);
CREATE INDEX email_changes_expires_at ON email_changes (expires_at);

-- Sign-ups that become accounts when the address is confirmed. Several may want the same name or address: nobody can
-- hold either before that, and the first who confirms gets them.
CREATE TABLE pending_signups (
    id            uuid        PRIMARY KEY,
    username      text        NOT NULL,
    email         text        NOT NULL,
    password_hash text        NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL
);
CREATE INDEX pending_signups_email ON pending_signups (email);
CREATE INDEX pending_signups_expires_at ON pending_signups (expires_at);

-- What links in mails prove. The token itself (256 random bits) stands in the mail only.
CREATE TABLE one_time_tokens (
    -- SHA-256 of the token
    hash       bytea       PRIMARY KEY,
    purpose    text        NOT NULL CHECK (purpose IN ('verify-email', 'reset-password', 'undo-email-change')),
    user_id    bigint      REFERENCES users (id) ON DELETE CASCADE,
    signup_id  uuid        REFERENCES pending_signups (id) ON DELETE CASCADE,
    -- the address that the link is about: to be confirmed, or to be given back
    email      text        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CHECK ((user_id IS NULL) <> (signup_id IS NULL))
);
CREATE INDEX one_time_tokens_user_id ON one_time_tokens (user_id);
CREATE INDEX one_time_tokens_signup_id ON one_time_tokens (signup_id);
CREATE INDEX one_time_tokens_undo ON one_time_tokens (email) WHERE purpose = 'undo-email-change';
CREATE INDEX one_time_tokens_expires_at ON one_time_tokens (expires_at);
