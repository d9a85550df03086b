-- The catalogue. A row that was deleted stays hidden, for the awards that keep their sequences.
CREATE TABLE badges (
    slug        text        PRIMARY KEY,
    name        text        NOT NULL,
    description text,
    icon_url    text,
    -- counts the changes from 1
    version     bigint      NOT NULL CONSTRAINT badges_version CHECK (version >= 1),
    deleted_at  timestamptz
);

-- Who has which. The row stays when the badge is taken back, for the sequence of its events.
CREATE TABLE badge_awards (
    user_id    bigint      NOT NULL REFERENCES auth_users (id),
    slug       text        NOT NULL REFERENCES badges (slug),
    awarded_at timestamptz NOT NULL,
    reason     text,
    revoked_at timestamptz,
    updated_at timestamptz NOT NULL,
    -- of the last event
    sequence   bigint      NOT NULL CONSTRAINT badge_awards_sequence CHECK (sequence >= 1),
    PRIMARY KEY (user_id, slug)
);
CREATE INDEX badge_awards_list ON badge_awards (user_id, awarded_at DESC, slug) WHERE revoked_at IS NULL;
CREATE INDEX badge_awards_slug ON badge_awards (slug) WHERE revoked_at IS NULL;
