-- Opens a database that CloudNativePG has made to its service, and closes it to everybody else. Run by psql as the role of
-- migrations, a member of the owner; running it again changes nothing.
\set ON_ERROR_STOP on
\set QUIET on
\set VERBOSITY terse
SET client_min_messages = 'warning';
-- From the second time on it logs in as the owner, who may not change it.
SET ROLE NONE;
SELECT current_database() AS database, session_user AS migration, :'runtime' || '_owner' AS owner
\gset
ALTER ROLE :"migration" IN DATABASE :"database" SET role = :'owner';
SET ROLE :"owner";
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO :"runtime", :"migration";
\ir grants.sql
