-- Who works on a project, by when, and with which files.

-- The role is any word until 007: imported rows carry the words of the old files until the import has mapped them.
CREATE TABLE public.project_members (
  id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  project_id uuid NOT NULL REFERENCES public.projects ON DELETE CASCADE,
  user_id    uuid NOT NULL REFERENCES public.users ON DELETE CASCADE,
  role       text NOT NULL DEFAULT 'member',
  joined_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT project_members_project_id_user_id_key UNIQUE (project_id, user_id)
);
CREATE INDEX project_members_user_id_idx ON public.project_members (user_id);
COMMENT ON TABLE public.project_members IS 'Who works on a project, and as what.';

CREATE TABLE public.project_milestones (
  id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  project_id   uuid NOT NULL REFERENCES public.projects ON DELETE CASCADE,
  title        text NOT NULL,
  description  text,
  due_date     date,
  completed_at timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX project_milestones_project_id_idx ON public.project_milestones (project_id);
COMMENT ON TABLE public.project_milestones IS 'The first plan''s milestones. The table of record is milestones; nothing fills this one.';

CREATE TABLE public.files (
  id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  project_id          uuid REFERENCES public.projects ON DELETE CASCADE,
  uploaded_by         uuid REFERENCES public.users ON DELETE SET NULL,
  previous_version_id uuid CONSTRAINT files_previous_version_id_key UNIQUE REFERENCES public.files ON DELETE SET NULL,
  version             integer NOT NULL DEFAULT 1 CONSTRAINT files_version_check CHECK (version >= 1),
  name                text NOT NULL,
  storage_key         text NOT NULL CONSTRAINT files_storage_key_key UNIQUE,
  mime_type           text NOT NULL DEFAULT 'application/octet-stream',
  size_bytes          bigint NOT NULL CONSTRAINT files_size_bytes_check CHECK (size_bytes >= 0),
  sha256              bytea CONSTRAINT files_sha256_check CHECK (length(sha256) = 32),
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT files_not_its_own_version_check CHECK (previous_version_id <> id)
);
CREATE INDEX files_project_id_idx ON public.files (project_id);
CREATE INDEX files_uploaded_by_idx ON public.files (uploaded_by);
COMMENT ON TABLE public.files IS 'What is known of a file; its bytes are in object storage under storage_key. Each version is a row.';

CREATE TABLE public.file_permissions (
  id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  file_id    uuid NOT NULL REFERENCES public.files ON DELETE CASCADE,
  user_id    uuid REFERENCES public.users ON DELETE CASCADE,
  team_id    uuid REFERENCES public.teams ON DELETE CASCADE,
  permission text NOT NULL CONSTRAINT file_permissions_permission_check CHECK (permission IN ('view', 'comment', 'edit', 'manage')),
  granted_by uuid REFERENCES public.users ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT file_permissions_one_holder_check CHECK (num_nonnulls(user_id, team_id) = 1),
  CONSTRAINT file_permissions_file_id_user_id_key UNIQUE (file_id, user_id),
  CONSTRAINT file_permissions_file_id_team_id_key UNIQUE (file_id, team_id)
);
CREATE INDEX file_permissions_user_id_idx ON public.file_permissions (user_id);
CREATE INDEX file_permissions_team_id_idx ON public.file_permissions (team_id);
CREATE INDEX file_permissions_granted_by_idx ON public.file_permissions (granted_by);
COMMENT ON TABLE public.file_permissions IS 'What one person or one team may do with a file.';
