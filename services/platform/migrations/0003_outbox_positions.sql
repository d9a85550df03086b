-- How far this database knows each partition of the topics it writes: the offset after the last record that it has, or had,
-- a row of in the outbox. Written with the marks of what was published, so a copy of the database tells how far the log was.
CREATE TABLE outbox_positions (
    topic     text   NOT NULL,
    partition int    NOT NULL,
    next      bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);
