-- Events that wait for Kafka, and those that went there, by day. Rows are written in the transaction of the change.
-- The columns mean what Debezium's outbox columns mean, so that a change-data-capture relay could take over.
CREATE TABLE outbox (
    id             bigint      GENERATED ALWAYS AS IDENTITY,
    aggregate_type text        NOT NULL,
    aggregate_id   text        NOT NULL,
    type           text        NOT NULL,
    payload        jsonb       NOT NULL,
    headers        jsonb       NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    published_at   timestamptz,
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

-- the relay reads only what is not yet published, however many days are kept
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL;

-- a row is never refused because a day's partition is missing
CREATE TABLE outbox_default PARTITION OF outbox DEFAULT;

-- Makes the partitions of today and the next days, and drops the published days before `keep`. A function of the
-- owner, so that the runtime role needs no right to change the schema.
CREATE FUNCTION outbox_maintain(keep interval) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    day   date;
    child record;
    busy  boolean;
BEGIN
    FOR day IN SELECT generate_series(current_date, current_date + 2, interval '1 day')::date LOOP
        IF to_regclass(format('public.outbox_%s', to_char(day, 'YYYYMMDD'))) IS NULL
            AND NOT EXISTS (SELECT FROM public.outbox_default WHERE created_at >= day AND created_at < day + 1) THEN
            EXECUTE format('CREATE TABLE public.outbox_%s PARTITION OF public.outbox FOR VALUES FROM (%L) TO (%L)',
                           to_char(day, 'YYYYMMDD'), day, day + 1);
        END IF;
    END LOOP;

    FOR child IN
        SELECT relname AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'public.outbox'::regclass AND relname ~ '^outbox_[0-9]{8}$'
          AND to_date(right(relname, 8), 'YYYYMMDD') + 1 < now() - keep
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE published_at IS NULL)', child.name) INTO busy;
        IF NOT busy THEN
            EXECUTE format('DROP TABLE public.%I', child.name);
        END IF;
    END LOOP;

    DELETE FROM public.outbox_default WHERE published_at IS NOT NULL AND created_at < now() - keep;
END
$$;
REVOKE ALL ON FUNCTION outbox_maintain(interval) FROM PUBLIC;
SELECT outbox_maintain('7 days');
