-- A post as it stands. Deleting removes the row: what remains is the event in the outbox.
CREATE TABLE posts (
    id         uuid        PRIMARY KEY,
    author_id  bigint      NOT NULL,
    text       text        NOT NULL CHECK (char_length(text) BETWEEN 1 AND 5000),
    attributes jsonb       NOT NULL CHECK (jsonb_typeof(attributes) = 'object'),
    visibility text        NOT NULL CHECK (visibility IN ('public', 'followers')),
    expires_at timestamptz,
    version    bigint      NOT NULL CHECK (version >= 1),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL CHECK (updated_at >= created_at)
);

-- the list of an author, newest first (read backwards)
CREATE INDEX posts_by_author ON posts (author_id, created_at, id);
-- containment only, which is all that the API offers: half the size of the general kind
CREATE INDEX posts_by_attributes ON posts USING gin (attributes jsonb_path_ops);
-- what the sweeper looks for
CREATE INDEX posts_by_expiry ON posts (expires_at) WHERE expires_at IS NOT NULL;
