-- An organization that a transaction enters, and that ends with the transaction.
--
--   BEGIN;
--   SELECT enter_organization($1, $2);  -- the organization, and optionally the user that the application acts for
--   …
--   COMMIT;
--
-- Until now any value of candlefish.organization_id counted. Behind a pool in transaction mode, a plain SET of one client stays on the
-- server connection, and the next client reads its rows.

-- Three settings of the transaction: candlefish.transaction, when it began; candlefish.organization; candlefish.acting_user, or nothing.
-- They count only if the first one is the start of the current transaction.
--
-- Why the start of the transaction: it is the same in every statement of a transaction and in its parallel workers, costs nothing to read,
-- works on a standby, and is different in the next transaction of a connection. Alternatives:
--   pg_current_xact_id()  assigns a transaction id to each read, fails on a standby, and is a counter: the next value is known in advance.
--   pg_backend_pid()      is the same for all clients of a pooled connection, and different in a parallel worker.
--   a cursor, which Postgres closes with its transaction, or a secret key  cannot be guessed, but each table of each query would read a
--                         catalog view or a table: 15 to 30 µs, where these settings cost 3.
-- A client that sets a microsecond of the future, and guesses the start of the next transaction of its connection exactly, selects the
-- organization of that transaction if it enters none. With enter_organization() the client can read the same rows, and more easily.
--
-- The organization is cast only after the comparison: an invalid value of a plain SET is no organization, and no error. Names are
-- resolved when these functions are created (RETURN instead of a string), so that no search path applies and a plan can inline them.
CREATE FUNCTION public.current_organization() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN current_setting('candlefish.transaction', true) = encode(timestamptz_send(now()), 'hex')
            THEN current_setting('candlefish.organization', true)::uuid END;
COMMENT ON FUNCTION public.current_organization() IS 'The organization that this transaction has entered, or NULL.';

CREATE FUNCTION public.current_acting_user() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN current_setting('candlefish.transaction', true) = encode(timestamptz_send(now()), 'hex')
            THEN nullif(current_setting('candlefish.acting_user', true), '')::uuid END;
COMMENT ON FUNCTION public.current_acting_user() IS 'The user that this transaction acts for, or NULL.';

-- Temporary tables and types come before those of the schema, also before pg_catalog, unless the search path names pg_temp last. A client of a
-- pooled connection could create a table "documents" that receives the rows of the next client, or a domain "text" that calls a function. From
-- here on, the search path of the transaction is public, pg_temp. The function therefore has no search path of its own, which would end with
-- the call, and qualifies all names.
CREATE FUNCTION public.enter_organization(organization uuid, acting_user uuid DEFAULT NULL)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF organization IS NULL THEN
    RAISE EXCEPTION 'enter_organization requires an organization' USING ERRCODE = 'null_value_not_allowed';
  END IF;
  PERFORM pg_catalog.set_config('search_path', 'public, pg_temp', true),
          pg_catalog.set_config('candlefish.transaction', pg_catalog.encode(pg_catalog.timestamptz_send(pg_catalog.now()), 'hex'), true),
          pg_catalog.set_config('candlefish.organization', organization::pg_catalog.text, true),
          pg_catalog.set_config('candlefish.acting_user', coalesce(acting_user::pg_catalog.text, ''), true);
  -- Under the policies of this organization, so that the answer is about this organization only.
  IF acting_user IS NOT NULL AND NOT EXISTS (
    SELECT FROM public.organization_members m JOIN public.users u ON u.id = m.user_id
     WHERE m.organization_id = organization AND m.user_id = acting_user AND m.left_at IS NULL AND u.is_active)
  THEN
    RAISE EXCEPTION 'user % is not an active member of organization %', acting_user, organization USING ERRCODE = 'insufficient_privilege';
  END IF;
END $$;
COMMENT ON FUNCTION public.enter_organization(uuid, uuid) IS
  'Selects the organization, the user that the application acts for, and the search path public, pg_temp, until the end of the transaction.';

-- Policies call these functions with the privileges of the role that queries, and only the runtime role has EXECUTE by default.
-- slipway: allow grant-to-public policies apply to every role that reads a table, and only roles of this system can connect
GRANT EXECUTE ON FUNCTION public.current_organization(), public.current_acting_user(), public.enter_organization(uuid, uuid) TO PUBLIC;

ALTER POLICY tenant ON public.organizations
  USING (id = (SELECT public.current_organization())) WITH CHECK (id = (SELECT public.current_organization()));
ALTER POLICY tenant ON public.documents
  USING (organization_id = (SELECT public.current_organization())) WITH CHECK (organization_id = (SELECT public.current_organization()));
ALTER POLICY tenant ON public.crdt_operations
  USING (organization_id = (SELECT public.current_organization())) WITH CHECK (organization_id = (SELECT public.current_organization()));
ALTER POLICY tenant ON public.presence_sessions
  USING (organization_id = (SELECT public.current_organization())) WITH CHECK (organization_id = (SELECT public.current_organization()));
ALTER POLICY tenant ON public.comments
  USING (organization_id = (SELECT public.current_organization())) WITH CHECK (organization_id = (SELECT public.current_organization()));
ALTER POLICY tenant ON public.document_versions
  USING (organization_id = (SELECT public.current_organization())) WITH CHECK (organization_id = (SELECT public.current_organization()));
ALTER POLICY tenant ON public.paintbox_integrations
  USING (organization_id = (SELECT public.current_organization())) WITH CHECK (organization_id = (SELECT public.current_organization()));
ALTER POLICY tenant ON public.brand_portal_integrations
  USING (organization_id = (SELECT public.current_organization())) WITH CHECK (organization_id = (SELECT public.current_organization()));
ALTER POLICY tenant ON public.document_metrics
  USING (organization_id = (SELECT public.current_organization())) WITH CHECK (organization_id = (SELECT public.current_organization()));

-- Without a policy for INSERT, UPDATE or DELETE, only functions of the owner write members.
CREATE POLICY tenant ON public.organization_members FOR SELECT USING (organization_id = (SELECT public.current_organization()));
