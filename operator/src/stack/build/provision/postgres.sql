-- Databases and roles of a Tracklore stack. Run by psql as a superuser, or as a role with CREATEDB and CREATEROLE; running it
-- again changes nothing but the passwords, which follow the environment.
--
-- For each service: a database, an owner that nobody can log in as, a migration role that acts as the owner,
-- and a runtime role that may use the data but not change its shape. All names begin with NAME_PREFIX.
--
-- Both of them have a second role that takes turns with the first, so that passwords change without a moment in which none
-- is good. Who has no password can't log in.
--
-- Where the server is shared, STACK says whose they are: those of another stack are left alone.
\set ON_ERROR_STOP on
\set QUIET on
\set VERBOSITY terse
\set prefix tracklore_
\getenv prefix NAME_PREFIX
\getenv stack STACK
\set auth_password ''
\set auth_2_password ''
\set auth_migration_password ''
\set auth_migration_2_password ''
\set user_password ''
\set user_2_password ''
\set user_migration_password ''
\set user_migration_2_password ''
\set posts_password ''
\set posts_2_password ''
\set posts_migration_password ''
\set posts_migration_2_password ''
\getenv auth_password AUTH_PASSWORD
\getenv auth_2_password AUTH_2_PASSWORD
\getenv auth_migration_password AUTH_MIGRATION_PASSWORD
\getenv auth_migration_2_password AUTH_MIGRATION_2_PASSWORD
\getenv user_password USER_PASSWORD
\getenv user_2_password USER_2_PASSWORD
\getenv user_migration_password USER_MIGRATION_PASSWORD
\getenv user_migration_2_password USER_MIGRATION_2_PASSWORD
\getenv posts_password POSTS_PASSWORD
\getenv posts_2_password POSTS_2_PASSWORD
\getenv posts_migration_password POSTS_MIGRATION_PASSWORD
\getenv posts_migration_2_password POSTS_MIGRATION_2_PASSWORD

SET password_encryption = 'scram-sha-256';
SET client_min_messages = 'warning';
SELECT rolsuper AS superuser FROM pg_roles WHERE rolname = current_user
\gset
\if :superuser
    -- Neither a password nor a statement that holds one may reach the server's log.
    SET log_statement = 'none';
    SET log_min_duration_statement = -1;
    SET log_min_error_statement = 'panic';
    \set attributes 'NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS'
\else
    -- What only a superuser may say is so by default.
    \set attributes ''
\endif

\if :{?stack}
    SELECT set_config('tracklore.stack', :'stack', false), set_config('tracklore.prefix', :'prefix', false)
    \g /dev/null
    DO $$
    DECLARE
        prefix text := current_setting('tracklore.prefix');
        other text;
    BEGIN
        SELECT coalesce(shobj_description(oid, 'pg_authid'), 'somebody else') INTO other
        FROM pg_roles WHERE rolname = prefix || 'auth_owner';
        IF other <> 'Tracklore ' || current_setting('tracklore.stack') THEN
            RAISE EXCEPTION 'roles and databases that begin with % belong to %; choose another namePrefix', prefix, other;
        END IF;
    END $$;
\endif

-- Roles.
BEGIN;
SELECT format('CREATE ROLE %I NOLOGIN', :'prefix' || service || suffix)
FROM (VALUES ('auth'), ('user'), ('posts')) AS services (service)
CROSS JOIN (VALUES ('_owner'), ('_migration'), ('_migration_2'), (''), ('_2')) AS kinds (suffix)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'prefix' || service || suffix)
\gexec
\if :{?stack}
    SELECT format('COMMENT ON ROLE %I IS %L', :'prefix' || 'auth_owner', 'Tracklore ' || :'stack')
    \gexec
\endif
COMMIT;

SELECT CASE password
    WHEN '' THEN format('ALTER ROLE %I NOLOGIN PASSWORD NULL', :'prefix' || name)
    ELSE format('ALTER ROLE %I LOGIN %s PASSWORD %L', :'prefix' || name, :'attributes', password)
END
FROM (VALUES
    ('auth', :'auth_password'),
    ('auth_2', :'auth_2_password'),
    ('auth_migration', :'auth_migration_password'),
    ('auth_migration_2', :'auth_migration_2_password'),
    ('user', :'user_password'),
    ('user_2', :'user_2_password'),
    ('user_migration', :'user_migration_password'),
    ('user_migration_2', :'user_migration_2_password'),
    ('posts', :'posts_password'),
    ('posts_2', :'posts_2_password'),
    ('posts_migration', :'posts_migration_password'),
    ('posts_migration_2', :'posts_migration_2_password')
) AS logins (name, password)
\gexec

-- Who isn't a superuser gives databases only to roles that it may act as, and ends the sessions of no others.
SELECT format('GRANT %I TO CURRENT_USER', :'prefix' || service || suffix)
FROM (VALUES ('auth'), ('user'), ('posts')) AS services (service)
CROSS JOIN (VALUES ('_owner'), ('_migration'), ('_migration_2'), (''), ('_2')) AS kinds (suffix)
WHERE NOT :'superuser'::boolean
\gexec

-- Whoever came by a password that isn't good any more keeps no session either.
SELECT pg_terminate_backend(pid)
FROM (VALUES ('auth'), ('user'), ('posts')) AS services (service)
CROSS JOIN (VALUES ('_migration'), ('_migration_2'), (''), ('_2')) AS kinds (suffix)
JOIN pg_roles ON rolname = :'prefix' || service || suffix AND NOT rolcanlogin
JOIN pg_stat_activity ON usename = rolname
\g /dev/null

-- Databases, closed to everybody who isn't named below.
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8''',
              :'prefix' || service, :'prefix' || service || '_owner')
FROM (VALUES ('auth'), ('user'), ('posts')) AS services (service)
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'prefix' || service)
\gexec

SELECT format(statement, :'prefix' || service)
FROM (VALUES ('auth'), ('user'), ('posts')) AS services (service)
CROSS JOIN (VALUES
    (1, 'ALTER DATABASE %1$I OWNER TO %1$s_owner'),
    (2, 'REVOKE ALL ON DATABASE %1$I FROM PUBLIC'),
    (3, 'GRANT CONNECT ON DATABASE %1$I TO %1$s, %1$s_migration, %1$s_migration_2'),
    (4, 'GRANT %1$s TO %1$s_2'),
    (5, 'GRANT %1$s_owner TO %1$s_migration, %1$s_migration_2'),
    (6, 'ALTER ROLE %1$s_migration IN DATABASE %1$I SET role = %1$s_owner'),
    (7, 'ALTER ROLE %1$s_migration_2 IN DATABASE %1$I SET role = %1$s_owner')
) AS steps (position, statement)
ORDER BY service, position
\gexec

-- A server of our own has no other users; one that is there may.
\if :{?stack}
\else
    REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;
\endif

-- What the owner makes in each database, the runtime role may use.
\set runtime :prefix auth
\set owner :runtime _owner
\connect :runtime
\ir grants.sql

\set runtime :prefix user
\set owner :runtime _owner
\connect :runtime
\ir grants.sql

\set runtime :prefix posts
\set owner :runtime _owner
\connect :runtime
\ir grants.sql
