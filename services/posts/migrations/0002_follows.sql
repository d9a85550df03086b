-- Who follows whom, as `profile-events` say. A row stays when the follow ends: it remembers the sequence, so that an
-- older event that comes late doesn't bring the follow back.
CREATE TABLE follows (
    follower_id bigint  NOT NULL,
    followee_id bigint  NOT NULL,
    following   boolean NOT NULL,
    sequence    bigint  NOT NULL CHECK (sequence >= 1),
    PRIMARY KEY (follower_id, followee_id)
);
-- what goes with a deleted user
CREATE INDEX follows_by_followee ON follows (followee_id);

-- Users who were deleted. Ids are never given twice, so a row is for ever: a token that is still good writes nothing
-- any more. `purged_at` is set when nothing of the user is left here.
CREATE TABLE deleted_users (
    id         bigint      PRIMARY KEY,
    deleted_at timestamptz NOT NULL,
    noticed_at timestamptz NOT NULL DEFAULT now(),
    purged_at  timestamptz
);
CREATE INDEX deleted_users_to_purge ON deleted_users (noticed_at) WHERE purged_at IS NULL;
