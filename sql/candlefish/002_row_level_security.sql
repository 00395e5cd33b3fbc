-- One organization cannot see, or write into, another.
--
-- A transaction names its organization, and only for itself:
--
--   BEGIN;
--   SELECT set_config('candlefish.organization_id', $1, true);
--   …
--   COMMIT;
--
-- The third argument is what keeps it safe behind a pool in transaction mode: a plain SET would stay on the connection and go to whoever
-- gets it next. No organization named: no rows. Something that is no uuid: an error.
--
-- Whom each policy is for:
--   tenant           everybody: rows of the organization that the transaction names. The sub-select is computed once, not for each row.
--   owner            the role that applies these files. FORCE holds it to the rules too; without this policy a migration that fills a column
--                    would change nothing, without a word. It counts only where the owner itself runs the query: a view of the owner's
--                    reads with the owner's rights for whoever asks, and for them is_owner() says no. Write views WITH (security_invoker),
--                    and the question does not arise.
--   complete_backup  the backup role, which cannot be given BYPASSRLS without a superuser. pg_dump needs --enable-row-security, and is complete
--                    because of this policy.

-- Declared IMMUTABLE, so that a plan has its answer as a constant, because Postgres uses no index for a text search that has to wait for any
-- other rule. It depends on the current role alone, and a plan under row-level security is thrown away when the role changes
-- (plancache.c, planRoleId).
CREATE FUNCTION public.is_owner() RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT current_user = pg_catalog.pg_get_userbyid(relowner) FROM pg_catalog.pg_class WHERE oid = 'public.organizations'::pg_catalog.regclass
$$;
COMMENT ON FUNCTION public.is_owner() IS 'Whether the query runs as the owner of the tables; for policies only.';

ALTER TABLE public.organizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.organizations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON public.organizations
  USING (id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid))
  WITH CHECK (id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid));
CREATE POLICY owner ON public.organizations TO CURRENT_USER USING (public.is_owner()) WITH CHECK (public.is_owner());
CREATE POLICY complete_backup ON public.organizations FOR SELECT TO candlefish_backup USING (true);

ALTER TABLE public.documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.documents FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON public.documents
  USING (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid))
  WITH CHECK (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid));
CREATE POLICY owner ON public.documents TO CURRENT_USER USING (public.is_owner()) WITH CHECK (public.is_owner());
CREATE POLICY complete_backup ON public.documents FOR SELECT TO candlefish_backup USING (true);

ALTER TABLE public.crdt_operations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.crdt_operations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON public.crdt_operations
  USING (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid))
  WITH CHECK (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid));
CREATE POLICY owner ON public.crdt_operations TO CURRENT_USER USING (public.is_owner()) WITH CHECK (public.is_owner());
CREATE POLICY complete_backup ON public.crdt_operations FOR SELECT TO candlefish_backup USING (true);

ALTER TABLE public.presence_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.presence_sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON public.presence_sessions
  USING (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid))
  WITH CHECK (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid));
CREATE POLICY owner ON public.presence_sessions TO CURRENT_USER USING (public.is_owner()) WITH CHECK (public.is_owner());
CREATE POLICY complete_backup ON public.presence_sessions FOR SELECT TO candlefish_backup USING (true);

ALTER TABLE public.comments ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.comments FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON public.comments
  USING (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid))
  WITH CHECK (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid));
CREATE POLICY owner ON public.comments TO CURRENT_USER USING (public.is_owner()) WITH CHECK (public.is_owner());
CREATE POLICY complete_backup ON public.comments FOR SELECT TO candlefish_backup USING (true);

ALTER TABLE public.document_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.document_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON public.document_versions
  USING (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid))
  WITH CHECK (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid));
CREATE POLICY owner ON public.document_versions TO CURRENT_USER USING (public.is_owner()) WITH CHECK (public.is_owner());
CREATE POLICY complete_backup ON public.document_versions FOR SELECT TO candlefish_backup USING (true);

ALTER TABLE public.paintbox_integrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.paintbox_integrations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON public.paintbox_integrations
  USING (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid))
  WITH CHECK (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid));
CREATE POLICY owner ON public.paintbox_integrations TO CURRENT_USER USING (public.is_owner()) WITH CHECK (public.is_owner());
CREATE POLICY complete_backup ON public.paintbox_integrations FOR SELECT TO candlefish_backup USING (true);

ALTER TABLE public.brand_portal_integrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.brand_portal_integrations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON public.brand_portal_integrations
  USING (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid))
  WITH CHECK (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid));
CREATE POLICY owner ON public.brand_portal_integrations TO CURRENT_USER USING (public.is_owner()) WITH CHECK (public.is_owner());
CREATE POLICY complete_backup ON public.brand_portal_integrations FOR SELECT TO candlefish_backup USING (true);

ALTER TABLE public.document_metrics ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.document_metrics FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON public.document_metrics
  USING (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid))
  WITH CHECK (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid));
CREATE POLICY owner ON public.document_metrics TO CURRENT_USER USING (public.is_owner()) WITH CHECK (public.is_owner());
CREATE POLICY complete_backup ON public.document_metrics FOR SELECT TO candlefish_backup USING (true);
