-- Who follows whom. The row of a pair stays when the follow ends: the sequence of the pair's events must go on growing
-- when they come together again. A request that was never accepted leaves nothing.
CREATE TABLE follows (
    follower_id bigint      NOT NULL REFERENCES auth_users (id),
    followee_id bigint      NOT NULL REFERENCES auth_users (id),
    state       text        NOT NULL,
    -- of the pair's last event; 0 as long as nothing was published
    sequence    bigint      NOT NULL,
    -- when the state became what it is
    changed_at  timestamptz NOT NULL,
    PRIMARY KEY (follower_id, followee_id),
    CONSTRAINT follows_state CHECK (state IN ('requested', 'accepted', 'ended')),
    CONSTRAINT follows_sequence CHECK (sequence >= 0 AND (state = 'requested' OR sequence > 0)),
    CONSTRAINT follows_not_oneself CHECK (follower_id <> followee_id)
);
-- the lists, newest first
CREATE INDEX follows_followers ON follows (followee_id, changed_at DESC, follower_id DESC) WHERE state = 'accepted';
CREATE INDEX follows_following ON follows (follower_id, changed_at DESC, followee_id DESC) WHERE state = 'accepted';
CREATE INDEX follows_requests ON follows (followee_id, changed_at DESC, follower_id DESC) WHERE state = 'requested';

-- How many accepted follows each user has; changed in the transaction of the follow, rows locked in the order of their ids.
-- A table of its own: a deleted user's neighbours are counted down without locking their accounts, which would need an order
-- that isn't known before.
CREATE TABLE follow_counts (
    user_id   bigint PRIMARY KEY REFERENCES auth_users (id),
    followers bigint NOT NULL CONSTRAINT follow_counts_followers CHECK (followers >= 0),
    following bigint NOT NULL CONSTRAINT follow_counts_following CHECK (following >= 0)
);

CREATE TABLE blocks (
    blocker_id bigint      NOT NULL REFERENCES auth_users (id),
    blocked_id bigint      NOT NULL REFERENCES auth_users (id),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (blocker_id, blocked_id),
    CONSTRAINT blocks_not_oneself CHECK (blocker_id <> blocked_id)
);
CREATE INDEX blocks_list ON blocks (blocker_id, created_at DESC, blocked_id DESC);
CREATE INDEX blocks_blocked ON blocks (blocked_id);
