-- slipway: no-transaction
-- slipway: allow set-not-null a validated rule stands before each, in a statement of its own
--
-- What the import left open. Every rule is added NOT VALID, which takes a moment, and validated in a statement of its own, beside reads
-- and writes; NOT NULL then believes the validated rule instead of reading the table under a lock.
--
-- On an empty database all of this passes at once, and the import has to bring what is asked here. A project or role that nobody mapped
-- stops the file at its VALIDATE: mend the rows, and run it again.

UPDATE public.projects p
   SET manager_id = (SELECT m.user_id FROM public.project_members m
                      WHERE m.project_id = p.id AND m.role IN ('owner', 'manager')
                      ORDER BY m.role = 'manager' DESC, m.joined_at, m.user_id LIMIT 1)
 WHERE manager_id IS NULL;
-- Only where there is no choice: a project is never given to a client by guessing between two.
UPDATE public.projects p
   SET organization_id = coalesce(
         (SELECT t.organization_id FROM public.teams t WHERE t.id = p.team_id),
         (SELECT (array_agg(m.organization_id))[1] FROM public.organization_members m WHERE m.user_id = p.manager_id HAVING count(*) = 1))
 WHERE organization_id IS NULL;
UPDATE public.projects SET service_tier = 'standard' WHERE service_tier IS NULL;

ALTER TABLE public.projects ADD CONSTRAINT projects_organization_id_given CHECK (organization_id IS NOT NULL) NOT VALID;
ALTER TABLE public.projects VALIDATE CONSTRAINT projects_organization_id_given;
ALTER TABLE public.projects ALTER COLUMN organization_id SET NOT NULL;
ALTER TABLE public.projects DROP CONSTRAINT projects_organization_id_given;

ALTER TABLE public.projects ADD CONSTRAINT projects_manager_id_given CHECK (manager_id IS NOT NULL) NOT VALID;
ALTER TABLE public.projects VALIDATE CONSTRAINT projects_manager_id_given;
ALTER TABLE public.projects ALTER COLUMN manager_id SET NOT NULL;
ALTER TABLE public.projects DROP CONSTRAINT projects_manager_id_given;

ALTER TABLE public.projects ADD CONSTRAINT projects_service_tier_given CHECK (service_tier IS NOT NULL) NOT VALID;
ALTER TABLE public.projects VALIDATE CONSTRAINT projects_service_tier_given;
ALTER TABLE public.projects ALTER COLUMN service_tier SET NOT NULL;
ALTER TABLE public.projects DROP CONSTRAINT projects_service_tier_given;

ALTER TABLE public.project_members ADD CONSTRAINT project_members_role_check
  CHECK (role IN ('owner', 'manager', 'member', 'client', 'viewer')) NOT VALID;
ALTER TABLE public.project_members VALIDATE CONSTRAINT project_members_role_check;

-- The foreign keys that the counts of 006 left without an index.
CREATE INDEX CONCURRENTLY projects_team_id_idx ON public.projects (team_id);
CREATE INDEX CONCURRENTLY projects_client_id_idx ON public.projects (client_id);
CREATE INDEX CONCURRENTLY milestones_created_by_idx ON public.milestones (created_by);
CREATE INDEX CONCURRENTLY tasks_milestone_id_idx ON public.tasks (milestone_id);
CREATE INDEX CONCURRENTLY tasks_created_by_idx ON public.tasks (created_by);
CREATE INDEX CONCURRENTLY activities_organization_id_idx ON public.activities (organization_id);
CREATE INDEX CONCURRENTLY activities_task_id_idx ON public.activities (task_id);
CREATE INDEX CONCURRENTLY activities_milestone_id_idx ON public.activities (milestone_id);

-- Signing in with a provider finds one account, and never a choice of two.
CREATE UNIQUE INDEX CONCURRENTLY users_google_key ON public.users ((identities ->> 'google'));
CREATE UNIQUE INDEX CONCURRENTLY users_github_key ON public.users ((identities ->> 'github'));
CREATE UNIQUE INDEX CONCURRENTLY users_figma_key ON public.users ((identities ->> 'figma'));
CREATE UNIQUE INDEX CONCURRENTLY users_slack_key ON public.users ((identities ->> 'slack'));
