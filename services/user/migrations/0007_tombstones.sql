-- The sequence of the event that told of a deletion, kept on the tombstone: above all that the profile published before.
-- Null on tombstones of earlier versions, which told of nothing.
ALTER TABLE auth_users ADD COLUMN deletion_sequence bigint;
