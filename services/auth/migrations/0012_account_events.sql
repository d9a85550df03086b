-- The audit trail: what happened to accounts, by day. Rows are added and never changed; days are dropped as a whole
-- when their time is over, which is also the last that is known of a deleted account.
CREATE TABLE account_events (
    id          uuid        NOT NULL,
    -- null when somebody tried to log in as nobody we know
    user_id     bigint,
    type        text        NOT NULL,
    session_id  uuid,
    -- who did it, when it wasn't the account's owner
    actor_id    bigint,
    ip          inet,
    user_agent  text,
    detail      jsonb       NOT NULL DEFAULT '{}',
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (id, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX account_events_user_id ON account_events (user_id, id);

-- an event is never refused because a day's partition is missing
CREATE TABLE account_events_default PARTITION OF account_events DEFAULT;

CREATE FUNCTION account_events_are_final() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER account_events_are_final BEFORE UPDATE OR DELETE ON account_events
    FOR EACH ROW EXECUTE FUNCTION account_events_are_final();

-- Makes the partitions of today and the next days, and drops the days before `keep`. A function of the owner, so that
-- the runtime role needs no right to change the schema.
CREATE FUNCTION account_events_maintain(keep interval) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    day   date;
    child record;
BEGIN
    -- two replicas at once would both make the same day
    PERFORM pg_advisory_xact_lock(hashtext('account_events_maintain'));
    FOR day IN SELECT generate_series(current_date, current_date + 2, interval '1 day')::date LOOP
        IF to_regclass(format('public.account_events_%s', to_char(day, 'YYYYMMDD'))) IS NULL
            AND NOT EXISTS (SELECT FROM public.account_events_default
                            WHERE occurred_at >= day AND occurred_at < day + 1) THEN
            EXECUTE format('CREATE TABLE public.account_events_%s PARTITION OF public.account_events '
                           'FOR VALUES FROM (%L) TO (%L)', to_char(day, 'YYYYMMDD'), day, day + 1);
        END IF;
    END LOOP;

    FOR child IN
        SELECT relname AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'public.account_events'::regclass AND relname ~ '^account_events_[0-9]{8}$'
          AND to_date(right(relname, 8), 'YYYYMMDD') + 1 < now() - keep
    LOOP
        EXECUTE format('DROP TABLE public.%I', child.name);
    END LOOP;

    -- days that had no partition: emptied as a whole once nothing in them may stay
    IF EXISTS (SELECT FROM public.account_events_default)
        AND NOT EXISTS (SELECT FROM public.account_events_default WHERE occurred_at >= now() - keep) THEN
        TRUNCATE public.account_events_default;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION account_events_maintain(interval) FROM PUBLIC;
SELECT account_events_maintain('90 days');
