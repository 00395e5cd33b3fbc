-- From here on the organization is again whatever candlefish.organization_id contains.
DROP POLICY tenant ON public.organization_members;
ALTER POLICY tenant ON public.document_metrics
  USING (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid))
  WITH CHECK (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid));
ALTER POLICY tenant ON public.brand_portal_integrations
  USING (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid))
  WITH CHECK (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid));
ALTER POLICY tenant ON public.paintbox_integrations
  USING (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid))
  WITH CHECK (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid));
ALTER POLICY tenant ON public.document_versions
  USING (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid))
  WITH CHECK (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid));
ALTER POLICY tenant ON public.comments
  USING (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid))
  WITH CHECK (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid));
ALTER POLICY tenant ON public.presence_sessions
  USING (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid))
  WITH CHECK (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid));
ALTER POLICY tenant ON public.crdt_operations
  USING (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid))
  WITH CHECK (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid));
ALTER POLICY tenant ON public.documents
  USING (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid))
  WITH CHECK (organization_id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid));
ALTER POLICY tenant ON public.organizations
  USING (id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid))
  WITH CHECK (id = (SELECT nullif(current_setting('candlefish.organization_id', true), '')::uuid));
DROP FUNCTION public.enter_organization(uuid, uuid);
DROP FUNCTION public.current_acting_user();
DROP FUNCTION public.current_organization();
