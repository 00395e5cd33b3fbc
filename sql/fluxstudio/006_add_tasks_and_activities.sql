-- The work within a project. These three, users, projects and project_members have exactly the columns and indexes that the product
-- was measured with; indexes for the remaining foreign keys follow in 007.

CREATE TABLE public.milestones (
  id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  project_id   uuid NOT NULL REFERENCES public.projects ON DELETE CASCADE,
  created_by   uuid REFERENCES public.users ON DELETE SET NULL,
  title        text NOT NULL,
  description  text,
  status       text NOT NULL DEFAULT 'pending'
               CONSTRAINT milestones_status_check CHECK (status IN ('pending', 'in_progress', 'completed', 'cancelled')),
  position     integer NOT NULL DEFAULT 0,
  due_date     date,
  completed_at timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX milestones_project_id_idx ON public.milestones (project_id);
COMMENT ON TABLE public.milestones IS 'The milestones of record; project_milestones is an earlier plan''s.';

CREATE TABLE public.tasks (
  id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  project_id        uuid NOT NULL REFERENCES public.projects ON DELETE CASCADE,
  milestone_id      uuid REFERENCES public.milestones ON DELETE SET NULL,
  assignee_id       uuid REFERENCES public.users ON DELETE SET NULL,
  created_by        uuid REFERENCES public.users ON DELETE SET NULL,
  title             text NOT NULL,
  description       text,
  status            text NOT NULL DEFAULT 'todo'
                    CONSTRAINT tasks_status_check CHECK (status IN ('todo', 'in_progress', 'review', 'completed', 'cancelled')),
  priority          text NOT NULL DEFAULT 'medium' CONSTRAINT tasks_priority_check CHECK (priority IN ('low', 'medium', 'high', 'urgent')),
  estimated_minutes integer CONSTRAINT tasks_estimated_minutes_check CHECK (estimated_minutes >= 0),
  due_date          date,
  completed_at      timestamptz,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tasks_project_id_idx ON public.tasks (project_id);
CREATE INDEX tasks_assignee_id_idx ON public.tasks (assignee_id);
CREATE INDEX tasks_status_idx ON public.tasks (status);
COMMENT ON TABLE public.tasks IS 'What is to be done in a project, and by whom.';

-- entity_id is no foreign key: an activity outlives what it tells of.
CREATE TABLE public.activities (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid REFERENCES public.organizations ON DELETE CASCADE,
  project_id      uuid REFERENCES public.projects ON DELETE CASCADE,
  task_id         uuid REFERENCES public.tasks ON DELETE SET NULL,
  milestone_id    uuid REFERENCES public.milestones ON DELETE SET NULL,
  user_id         uuid REFERENCES public.users ON DELETE SET NULL,
  action          text NOT NULL,
  entity_type     text NOT NULL,
  entity_id       uuid,
  title           text,
  description     text,
  changes         jsonb NOT NULL DEFAULT '{}',
  metadata        jsonb NOT NULL DEFAULT '{}',
  source          text NOT NULL DEFAULT 'app' CONSTRAINT activities_source_check CHECK (source IN ('app', 'import', 'system')),
  created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX activities_project_id_idx ON public.activities (project_id);
CREATE INDEX activities_user_id_idx ON public.activities (user_id);
CREATE INDEX activities_created_at_idx ON public.activities (created_at);
COMMENT ON TABLE public.activities IS 'What happened, and who did it.';
