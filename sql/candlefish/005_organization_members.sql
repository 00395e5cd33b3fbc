-- Which users belong to which organization.
--
-- Foreign keys are checked, and their ON DELETE actions run, without row-level security. Rows of an organization therefore refer to a
-- user through this table, with the organization in the key: a row cannot name a user of another organization.
CREATE TABLE public.organization_members (
  organization_id uuid NOT NULL REFERENCES public.organizations ON DELETE CASCADE,
  user_id         uuid NOT NULL REFERENCES public.users ON DELETE CASCADE,
  joined_at       timestamptz NOT NULL DEFAULT now(),
  left_at         timestamptz,
  PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX organization_members_user_id_idx ON public.organization_members (user_id);
COMMENT ON TABLE public.organization_members IS 'The users of each organization. Only functions change it.';
COMMENT ON COLUMN public.organization_members.left_at IS
  'When the user left. The row stays, so that documents and comments keep their author.';

-- The policy for tenants follows with the functions that it calls.
ALTER TABLE public.organization_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.organization_members FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON public.organization_members TO CURRENT_USER USING (public.is_owner()) WITH CHECK (public.is_owner());
CREATE POLICY complete_backup ON public.organization_members FOR SELECT TO candlefish_backup USING (true);
