-- What users say of themselves. A row comes with the first change; until then every value is the default.
CREATE TABLE profiles (
    user_id       bigint      PRIMARY KEY REFERENCES auth_users (id),
    display_name  text,
    bio           text,
    avatar_url    text,
    location      text,
    follow_policy text        NOT NULL CHECK (follow_policy IN ('open', 'approval')),
    -- counts the changes from 1; also the sequence of the event that tells of the last one
    version       bigint      NOT NULL CHECK (version >= 1),
    updated_at    timestamptz NOT NULL
);
