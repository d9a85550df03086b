-- What users want to learn.
CREATE TABLE goals (
    id           uuid        PRIMARY KEY,
    user_id      bigint      NOT NULL REFERENCES auth_users (id),
    title        text        NOT NULL,
    description  text,
    target_date  date,
    status       text        NOT NULL,
    progress     smallint    NOT NULL,
    visibility   text        NOT NULL,
    completed_at timestamptz,
    -- counts the changes from 1
    version      bigint      NOT NULL,
    -- of the goal's last event; 0 as long as nothing was published
    sequence     bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    CONSTRAINT goals_status CHECK (status IN ('active', 'completed', 'abandoned')),
    CONSTRAINT goals_progress CHECK (progress BETWEEN 0 AND 100),
    CONSTRAINT goals_visibility CHECK (visibility IN ('private', 'public')),
    CONSTRAINT goals_completed CHECK ((status = 'completed') = (completed_at IS NOT NULL)),
    CONSTRAINT goals_complete CHECK (status <> 'completed' OR progress = 100),
    CONSTRAINT goals_versions CHECK (version >= 1 AND sequence >= 0)
);
CREATE INDEX goals_own ON goals (user_id, created_at DESC, id DESC);
CREATE INDEX goals_public ON goals (user_id, created_at DESC, id DESC) WHERE visibility = 'public';
