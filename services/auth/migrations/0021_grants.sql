-- What accounts may do beyond their own affairs; goes into their tokens.
CREATE TABLE grants (
    user_id    bigint      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    scope      text        NOT NULL CHECK (scope IN ('users:admin', 'badges:admin', 'posts:moderate')),
    granted_at timestamptz NOT NULL,
    -- none when it was the command line or the configuration
    granted_by bigint,
    PRIMARY KEY (user_id, scope)
);
CREATE INDEX grants_scope ON grants (scope);
