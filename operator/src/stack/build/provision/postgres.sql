-- Databases and roles of a Tracklore stack. Run by psql as a superuser; running it again changes nothing
-- but the passwords, which follow the environment.
--
-- For each service: a database, an owner that nobody can log in as, a migration role that acts as the owner,
-- and a runtime role that may use the data but not change its shape.
\set ON_ERROR_STOP on
\set QUIET on
\getenv auth_password AUTH_PASSWORD
\getenv auth_migration_password AUTH_MIGRATION_PASSWORD
\getenv user_password USER_PASSWORD
\getenv user_migration_password USER_MIGRATION_PASSWORD
\getenv posts_password POSTS_PASSWORD
\getenv posts_migration_password POSTS_MIGRATION_PASSWORD

-- Neither a password nor a statement that holds one may reach the server's log.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SET password_encryption = 'scram-sha-256';
SET client_min_messages = 'warning';

-- Roles.
SELECT format('CREATE ROLE %I NOLOGIN', 'tracklore_' || service || suffix)
FROM (VALUES ('auth'), ('user'), ('posts')) AS services (service)
CROSS JOIN (VALUES ('_owner'), ('_migration'), ('')) AS kinds (suffix)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tracklore_' || service || suffix)
\gexec

SELECT format('ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD %L', name, password)
FROM (VALUES
    ('tracklore_auth', :'auth_password'),
    ('tracklore_auth_migration', :'auth_migration_password'),
    ('tracklore_user', :'user_password'),
    ('tracklore_user_migration', :'user_migration_password'),
    ('tracklore_posts', :'posts_password'),
    ('tracklore_posts_migration', :'posts_migration_password')
) AS logins (name, password)
\gexec

-- Databases, closed to everybody who isn't named below.
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8''',
              'tracklore_' || service, 'tracklore_' || service || '_owner')
FROM (VALUES ('auth'), ('user'), ('posts')) AS services (service)
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'tracklore_' || service)
\gexec

SELECT format(statement, 'tracklore_' || service)
FROM (VALUES ('auth'), ('user'), ('posts')) AS services (service)
CROSS JOIN (VALUES
    (1, 'ALTER DATABASE %1$I OWNER TO %1$s_owner'),
    (2, 'REVOKE ALL ON DATABASE %1$I FROM PUBLIC'),
    (3, 'GRANT CONNECT ON DATABASE %1$I TO %1$s, %1$s_migration'),
    (4, 'GRANT %1$s_owner TO %1$s_migration'),
    (5, 'ALTER ROLE %1$s_migration IN DATABASE %1$I SET role = %1$s_owner')
) AS steps (position, statement)
ORDER BY service, position
\gexec

REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;

-- What the owner makes in each database, the runtime role may use.
\connect tracklore_auth
GRANT USAGE ON SCHEMA public TO tracklore_auth;
ALTER DEFAULT PRIVILEGES FOR ROLE tracklore_auth_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE tracklore_auth_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO tracklore_auth;
ALTER DEFAULT PRIVILEGES FOR ROLE tracklore_auth_owner GRANT USAGE ON SEQUENCES TO tracklore_auth;
ALTER DEFAULT PRIVILEGES FOR ROLE tracklore_auth_owner GRANT EXECUTE ON FUNCTIONS TO tracklore_auth;

\connect tracklore_user
GRANT USAGE ON SCHEMA public TO tracklore_user;
ALTER DEFAULT PRIVILEGES FOR ROLE tracklore_user_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE tracklore_user_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO tracklore_user;
ALTER DEFAULT PRIVILEGES FOR ROLE tracklore_user_owner GRANT USAGE ON SEQUENCES TO tracklore_user;
ALTER DEFAULT PRIVILEGES FOR ROLE tracklore_user_owner GRANT EXECUTE ON FUNCTIONS TO tracklore_user;

\connect tracklore_posts
GRANT USAGE ON SCHEMA public TO tracklore_posts;
ALTER DEFAULT PRIVILEGES FOR ROLE tracklore_posts_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE tracklore_posts_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO tracklore_posts;
ALTER DEFAULT PRIVILEGES FOR ROLE tracklore_posts_owner GRANT USAGE ON SEQUENCES TO tracklore_posts;
ALTER DEFAULT PRIVILEGES FOR ROLE tracklore_posts_owner GRANT EXECUTE ON FUNCTIONS TO tracklore_posts;
