-- Row-level security: the second fence between tenants, behind the predicates of the statements
-- (docs/adr/0008). A transaction says by SET LOCAL whose rows it is about; where it says nothing,
-- no row of any tenant is there.
--
-- Safe while old code runs: policies do not bind the tables' owner, as which older code works. They
-- bind the role that `worker migrate` makes for newer code; only where it cannot make one does it
-- bind the owner too, and then workers of older releases have to be stopped first.

-- What a transaction said. Settings are empty after the transaction that set them, not missing.
-- Plain expressions, so that the planner sees through them.
CREATE FUNCTION scope_is_system() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    RETURN current_setting('tomori.scope', true) IS NOT DISTINCT FROM 'system';
CREATE FUNCTION scope_guild() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN NULLIF(current_setting('tomori.guild_disc_id', true), '');
CREATE FUNCTION scope_server() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
    RETURN NULLIF(current_setting('tomori.server_id', true), '')::bigint;
CREATE FUNCTION scope_users() RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE
    RETURN string_to_array(NULLIF(current_setting('tomori.user_disc_ids', true), ''), ',');

-- Puts a table behind the fence: what is visible may also be written, everything in system scope.
-- Conditions are scalar subqueries, so that each is evaluated once per statement.
CREATE PROCEDURE fence(tenant_table regclass, visible text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format(
        'CREATE POLICY fence ON %s USING ((SELECT scope_is_system()) OR %s)', tenant_table, visible);
END
$$;

-- A table whose rows belong to a server, to a user, or to either of them.
CREATE PROCEDURE fence_by_server(tenant_table regclass) LANGUAGE plpgsql AS $$
BEGIN
    CALL fence(tenant_table, 'server_id = (SELECT COALESCE(scope_server(), (
        SELECT s.server_id FROM servers s WHERE s.server_disc_id = scope_guild())))');
END
$$;
CREATE PROCEDURE fence_by_user(tenant_table regclass) LANGUAGE plpgsql AS $$
BEGIN
    CALL fence(tenant_table, 'user_id = ANY (ARRAY(
        SELECT u.user_id FROM users u WHERE u.user_disc_id = ANY (scope_users())))');
END
$$;
CREATE PROCEDURE fence_by_owner(tenant_table regclass) LANGUAGE plpgsql AS $$
BEGIN
    CALL fence(tenant_table, 'server_id = (SELECT COALESCE(scope_server(), (
        SELECT s.server_id FROM servers s WHERE s.server_disc_id = scope_guild())))
        OR user_id = ANY (ARRAY(
        SELECT u.user_id FROM users u WHERE u.user_disc_id = ANY (scope_users())))');
END
$$;

CALL fence('servers',
    'server_disc_id = (SELECT scope_guild()) OR server_id = (SELECT scope_server())');
CALL fence('users', 'user_disc_id = ANY ((SELECT scope_users())::text[])');
-- A record that names nobody is of direct messages: their scope names the same person twice.
CALL fence('turn_decisions', 'guild_disc_id = (SELECT scope_guild())
    OR guild_disc_id IS NULL AND (SELECT scope_guild() = ANY (scope_users()))');

-- All other tables by the columns that they have. Called once more after every migration, so that
-- no table is forgotten, in whatever order migrations came; one that needs another shape than its
-- columns say calls it by name.
CREATE PROCEDURE fence_the_rest() LANGUAGE plpgsql AS $$
DECLARE
    open_table record;
BEGIN
    FOR open_table IN
        SELECT c.oid::regclass AS name,
               bool_or(a.attname = 'server_id') AS of_server, bool_or(a.attname = 'user_id') AS of_user
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
          AND pg_get_userbyid(c.relowner) = current_user
          AND a.attname IN ('server_id', 'user_id') AND NOT a.attisdropped
          AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
        GROUP BY c.oid
    LOOP
        IF open_table.of_server AND open_table.of_user THEN
            CALL fence_by_owner(open_table.name);
        ELSIF open_table.of_server THEN
            CALL fence_by_server(open_table.name);
        ELSE
            CALL fence_by_user(open_table.name);
        END IF;
    END LOOP;
END
$$;
CALL fence_the_rest();

-- The privacy level of anybody, which every scope may ask for; NULL for whom nothing is stored.
-- Whoever owns it may be bound by the policies as well, so it goes through system scope and back.
CREATE FUNCTION privacy_level_of(person text) RETURNS smallint
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    scope text := COALESCE(current_setting('tomori.scope', true), '');
    level smallint;
BEGIN
    PERFORM set_config('tomori.scope', 'system', true);
    SELECT privacy_level INTO level FROM users WHERE user_disc_id = person;
    PERFORM set_config('tomori.scope', scope, true);
    RETURN level;
END
$$;
REVOKE EXECUTE ON FUNCTION privacy_level_of(text) FROM PUBLIC;

-- Makes the role as which workers work, where that can be had, and gives it its rights; elsewhere
-- binds the owner of the tables. `worker migrate` calls it after every run, so that the tables of
-- later migrations are included. Returns whether workers can have the role.
CREATE FUNCTION raise_fence(role_name text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    is_held boolean;
BEGIN
    CALL fence_the_rest();
    CALL make_app_role(role_name);
    is_held := can_work_as(role_name);
    CALL bind_owner(NOT is_held);
    IF is_held THEN
        CALL grant_rights(role_name);
    END IF;
    RETURN is_held;
END
$$;

-- Another migration may do the same at this moment: roles belong to the server, not to a database.
CREATE PROCEDURE make_app_role(role_name text) LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION
            NOBYPASSRLS', role_name);
    END IF;
EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;
END
$$;

-- Whether this user can become a role that the policies bind.
CREATE FUNCTION can_work_as(role_name text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_roles r
        WHERE r.rolname = role_name AND NOT r.rolsuper AND NOT r.rolbypassrls
          AND NOT pg_has_role(r.oid, (SELECT relowner FROM pg_class WHERE oid = 'servers'::regclass),
                              'MEMBER'))
    THEN
        RETURN false;
    END IF;
    IF NOT pg_has_role(role_name::name, membership()) THEN
        EXECUTE format('GRANT %I TO CURRENT_USER', role_name);
    END IF;
    RETURN pg_has_role(role_name::name, membership());
EXCEPTION WHEN insufficient_privilege THEN RETURN false;
END
$$;

-- The kind of membership with which a role can be taken: newer servers tell it apart.
CREATE FUNCTION membership() RETURNS text LANGUAGE sql STABLE
    RETURN CASE WHEN current_setting('server_version_num')::integer < 160000
                THEN 'MEMBER' ELSE 'SET' END;

CREATE PROCEDURE bind_owner(is_bound boolean) LANGUAGE plpgsql AS $$
DECLARE
    fenced regclass;
BEGIN
    FOR fenced IN
        SELECT c.oid FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = 'fence'
        WHERE c.relforcerowsecurity <> is_bound AND pg_get_userbyid(c.relowner) = current_user
    LOOP
        EXECUTE format('ALTER TABLE %s %s ROW LEVEL SECURITY', fenced,
            CASE WHEN is_bound THEN 'FORCE' ELSE 'NO FORCE' END);
    END LOOP;
END
$$;

-- Rows of every table of ours, and nothing else: no DDL, no TRUNCATE. What tells the schema is
-- read only.
CREATE PROCEDURE grant_rights(role_name text) LANGUAGE plpgsql AS $$
DECLARE
    ours record;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', role_name);
    FOR ours IN
        SELECT c.oid::regclass AS name, c.relkind = 'S' AS is_sequence,
               c.relname IN ('_sqlx_migrations', 'compatible_schemas') AS is_read_only
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'S')
          AND pg_get_userbyid(c.relowner) = current_user
    LOOP
        EXECUTE format('GRANT %s ON %s TO %I',
            CASE WHEN ours.is_sequence THEN 'USAGE, SELECT'
                 WHEN ours.is_read_only THEN 'SELECT'
                 ELSE 'SELECT, INSERT, UPDATE, DELETE' END,
            ours.name, role_name);
    END LOOP;
    FOR ours IN
        SELECT p.oid::regprocedure AS name FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
          AND pg_get_userbyid(p.proowner) = current_user
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', ours.name, role_name);
    END LOOP;
END
$$;

INSERT INTO compatible_schemas (number) VALUES (10);
