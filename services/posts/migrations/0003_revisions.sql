-- What a post was before each change, written in the transaction of the change; goes with the post.
CREATE TABLE revisions (
    post_id    uuid        NOT NULL REFERENCES posts ON DELETE CASCADE,
    version    bigint      NOT NULL CHECK (version >= 1),
    text       text        NOT NULL,
    attributes jsonb       NOT NULL,
    written_at timestamptz NOT NULL,
    PRIMARY KEY (post_id, version)
);

-- all posts, newest first: what the feed is filled from
CREATE INDEX posts_by_time ON posts (created_at, id);
