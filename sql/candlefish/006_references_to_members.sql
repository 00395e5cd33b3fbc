-- slipway: no-transaction
--
-- Every reference to a user includes the organization. The steps do not block: an index without a lock on writes, a foreign key that
-- is NOT VALID and so applies to new rows, the members that existing rows refer to, and then VALIDATE.
--
-- If a user is deleted, ON DELETE SET NULL (column) clears the user and keeps the organization.

CREATE INDEX CONCURRENTLY documents_created_by_organization_id_idx ON public.documents (created_by, organization_id);
CREATE INDEX CONCURRENTLY crdt_operations_user_id_organization_id_idx ON public.crdt_operations (user_id, organization_id);
CREATE INDEX CONCURRENTLY presence_sessions_user_id_organization_id_idx ON public.presence_sessions (user_id, organization_id);
CREATE INDEX CONCURRENTLY comments_author_id_organization_id_idx ON public.comments (author_id, organization_id);
CREATE INDEX CONCURRENTLY comments_resolved_by_organization_id_idx ON public.comments (resolved_by, organization_id);
CREATE INDEX CONCURRENTLY document_versions_created_by_organization_id_idx ON public.document_versions (created_by, organization_id);

-- Most members, before the foreign keys apply to new rows.
INSERT INTO public.organization_members (organization_id, user_id)
  SELECT DISTINCT organization_id, created_by FROM public.documents WHERE created_by IS NOT NULL ON CONFLICT DO NOTHING;
INSERT INTO public.organization_members (organization_id, user_id)
  SELECT DISTINCT organization_id, user_id FROM public.crdt_operations WHERE user_id IS NOT NULL ON CONFLICT DO NOTHING;
INSERT INTO public.organization_members (organization_id, user_id)
  SELECT DISTINCT organization_id, user_id FROM public.presence_sessions WHERE user_id IS NOT NULL ON CONFLICT DO NOTHING;
INSERT INTO public.organization_members (organization_id, user_id)
  SELECT DISTINCT organization_id, author_id FROM public.comments WHERE author_id IS NOT NULL ON CONFLICT DO NOTHING;
INSERT INTO public.organization_members (organization_id, user_id)
  SELECT DISTINCT organization_id, resolved_by FROM public.comments WHERE resolved_by IS NOT NULL ON CONFLICT DO NOTHING;
INSERT INTO public.organization_members (organization_id, user_id)
  SELECT DISTINCT organization_id, created_by FROM public.document_versions WHERE created_by IS NOT NULL ON CONFLICT DO NOTHING;

ALTER TABLE public.documents ADD CONSTRAINT documents_created_by_member_fkey FOREIGN KEY (created_by, organization_id)
  REFERENCES public.organization_members (user_id, organization_id) ON DELETE SET NULL (created_by) NOT VALID;
ALTER TABLE public.crdt_operations ADD CONSTRAINT crdt_operations_user_id_member_fkey FOREIGN KEY (user_id, organization_id)
  REFERENCES public.organization_members (user_id, organization_id) ON DELETE SET NULL (user_id) NOT VALID;
ALTER TABLE public.presence_sessions ADD CONSTRAINT presence_sessions_user_id_member_fkey FOREIGN KEY (user_id, organization_id)
  REFERENCES public.organization_members (user_id, organization_id) ON DELETE CASCADE NOT VALID;
ALTER TABLE public.comments ADD CONSTRAINT comments_author_id_member_fkey FOREIGN KEY (author_id, organization_id)
  REFERENCES public.organization_members (user_id, organization_id) ON DELETE SET NULL (author_id) NOT VALID;
ALTER TABLE public.comments ADD CONSTRAINT comments_resolved_by_member_fkey FOREIGN KEY (resolved_by, organization_id)
  REFERENCES public.organization_members (user_id, organization_id) ON DELETE SET NULL (resolved_by) NOT VALID;
ALTER TABLE public.document_versions ADD CONSTRAINT document_versions_created_by_member_fkey FOREIGN KEY (created_by, organization_id)
  REFERENCES public.organization_members (user_id, organization_id) ON DELETE SET NULL (created_by) NOT VALID;

-- The members of rows that were written meanwhile. From here on there are no more of them.
INSERT INTO public.organization_members (organization_id, user_id)
  SELECT DISTINCT organization_id, created_by FROM public.documents WHERE created_by IS NOT NULL ON CONFLICT DO NOTHING;
INSERT INTO public.organization_members (organization_id, user_id)
  SELECT DISTINCT organization_id, user_id FROM public.crdt_operations WHERE user_id IS NOT NULL ON CONFLICT DO NOTHING;
INSERT INTO public.organization_members (organization_id, user_id)
  SELECT DISTINCT organization_id, user_id FROM public.presence_sessions WHERE user_id IS NOT NULL ON CONFLICT DO NOTHING;
INSERT INTO public.organization_members (organization_id, user_id)
  SELECT DISTINCT organization_id, author_id FROM public.comments WHERE author_id IS NOT NULL ON CONFLICT DO NOTHING;
INSERT INTO public.organization_members (organization_id, user_id)
  SELECT DISTINCT organization_id, resolved_by FROM public.comments WHERE resolved_by IS NOT NULL ON CONFLICT DO NOTHING;
INSERT INTO public.organization_members (organization_id, user_id)
  SELECT DISTINCT organization_id, created_by FROM public.document_versions WHERE created_by IS NOT NULL ON CONFLICT DO NOTHING;

ALTER TABLE public.documents VALIDATE CONSTRAINT documents_created_by_member_fkey;
ALTER TABLE public.crdt_operations VALIDATE CONSTRAINT crdt_operations_user_id_member_fkey;
ALTER TABLE public.presence_sessions VALIDATE CONSTRAINT presence_sessions_user_id_member_fkey;
ALTER TABLE public.comments VALIDATE CONSTRAINT comments_author_id_member_fkey;
ALTER TABLE public.comments VALIDATE CONSTRAINT comments_resolved_by_member_fkey;
ALTER TABLE public.document_versions VALIDATE CONSTRAINT document_versions_created_by_member_fkey;

-- The former references, which name a user of any organization.
ALTER TABLE public.documents DROP CONSTRAINT documents_created_by_fkey;
ALTER TABLE public.crdt_operations DROP CONSTRAINT crdt_operations_user_id_fkey;
ALTER TABLE public.presence_sessions DROP CONSTRAINT presence_sessions_user_id_fkey;
ALTER TABLE public.comments DROP CONSTRAINT comments_author_id_fkey;
ALTER TABLE public.comments DROP CONSTRAINT comments_resolved_by_fkey;
ALTER TABLE public.document_versions DROP CONSTRAINT document_versions_created_by_fkey;
DROP INDEX CONCURRENTLY public.documents_created_by_idx;
DROP INDEX CONCURRENTLY public.crdt_operations_user_id_idx;
DROP INDEX CONCURRENTLY public.presence_sessions_user_id_idx;
DROP INDEX CONCURRENTLY public.comments_author_id_idx;
DROP INDEX CONCURRENTLY public.comments_resolved_by_idx;
DROP INDEX CONCURRENTLY public.document_versions_created_by_idx;
