-- slipway: no-transaction
-- What was filled in stays filled in.
DROP INDEX CONCURRENTLY public.users_slack_key;
DROP INDEX CONCURRENTLY public.users_figma_key;
DROP INDEX CONCURRENTLY public.users_github_key;
DROP INDEX CONCURRENTLY public.users_google_key;
DROP INDEX CONCURRENTLY public.activities_milestone_id_idx;
DROP INDEX CONCURRENTLY public.activities_task_id_idx;
DROP INDEX CONCURRENTLY public.activities_organization_id_idx;
DROP INDEX CONCURRENTLY public.tasks_created_by_idx;
DROP INDEX CONCURRENTLY public.tasks_milestone_id_idx;
DROP INDEX CONCURRENTLY public.milestones_created_by_idx;
DROP INDEX CONCURRENTLY public.projects_client_id_idx;
DROP INDEX CONCURRENTLY public.projects_team_id_idx;
ALTER TABLE public.project_members DROP CONSTRAINT project_members_role_check;
ALTER TABLE public.projects ALTER COLUMN service_tier DROP NOT NULL;
ALTER TABLE public.projects ALTER COLUMN manager_id DROP NOT NULL;
ALTER TABLE public.projects ALTER COLUMN organization_id DROP NOT NULL;
