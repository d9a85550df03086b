-- Who failed how often. Keys are keyed hashes of what was tried, so a name without an account counts like one with an
-- account, and the table tells nobody what was typed.
CREATE TABLE throttles (
    key       bytea       PRIMARY KEY,
    failures  integer     NOT NULL,
    -- attempts before this are refused
    opens_at  timestamptz NOT NULL,
    -- the row means nothing any more
    forget_at timestamptz NOT NULL
);
CREATE INDEX throttles_forget_at ON throttles (forget_at);

-- Pairs of a name and a network from which it has logged in. What happens there has a count of its own, so that
-- strangers who try a name elsewhere don't slow down its owner.
CREATE TABLE known_places (
    key       bytea       PRIMARY KEY,
    forget_at timestamptz NOT NULL
);
CREATE INDEX known_places_forget_at ON known_places (forget_at);
