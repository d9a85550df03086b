-- What clients keep for their user: a JSON object that only they understand. `json`, not `jsonb`: it is given back as it
-- came, and may hold what jsonb can't (U+0000).
CREATE TABLE settings (
    user_id bigint PRIMARY KEY REFERENCES auth_users (id),
    value   json   NOT NULL,
    -- counts the changes from 1
    version bigint NOT NULL CONSTRAINT settings_version CHECK (version >= 1)
);
