-- Who works here, for whom, and on what.
--
-- Lists of allowed words are CHECKs and not enums: a word can be taken out of a CHECK again.
-- No trigger moves updated_at: while the application writes to two stores, both must hold the value that it wrote.

CREATE TABLE public.users (
  id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email         text NOT NULL CONSTRAINT users_email_key UNIQUE CONSTRAINT users_email_check CHECK (email LIKE '_%@_%'),
  name          text NOT NULL,
  password_hash text,
  role          text NOT NULL DEFAULT 'member' CONSTRAINT users_role_check CHECK (role IN ('admin', 'member', 'client')),
  identities    jsonb NOT NULL DEFAULT '{}' CONSTRAINT users_identities_check CHECK (jsonb_typeof(identities) = 'object'),
  avatar_url    text,
  is_active     boolean NOT NULL DEFAULT true,
  last_login_at timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now()
);
-- The plain unique index serves WHERE email = $1 and this one refuses Ann@… beside ann@…: neither can do the other's work.
CREATE UNIQUE INDEX users_email_lower_key ON public.users (lower(email));
COMMENT ON TABLE public.users IS 'Accounts. Deactivated rather than deleted: what somebody did stays theirs.';
COMMENT ON COLUMN public.users.password_hash IS 'bcrypt, byte for byte as the application made it; NULL for who signs in elsewhere only.';
COMMENT ON COLUMN public.users.identities IS 'The id of this person at each provider: {"google": "…", "github": "…", "figma": "…", "slack": "…"}.';

CREATE TABLE public.organizations (
  id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name       text NOT NULL,
  slug       text NOT NULL CONSTRAINT organizations_slug_key UNIQUE,
  email      text,
  website    text,
  settings   jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.organizations IS 'Clients and companies that projects belong to. No rule of the database keeps one from another.';

CREATE TABLE public.organization_members (
  organization_id uuid NOT NULL REFERENCES public.organizations ON DELETE CASCADE,
  user_id         uuid NOT NULL REFERENCES public.users ON DELETE CASCADE,
  role            text NOT NULL DEFAULT 'member'
                  CONSTRAINT organization_members_role_check CHECK (role IN ('owner', 'admin', 'member', 'client')),
  joined_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX organization_members_user_id_idx ON public.organization_members (user_id);
COMMENT ON TABLE public.organization_members IS 'Who belongs to an organization, and as what.';

CREATE TABLE public.teams (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES public.organizations ON DELETE CASCADE,
  name            text NOT NULL,
  description     text,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT teams_organization_id_name_key UNIQUE (organization_id, name)
);
COMMENT ON TABLE public.teams IS 'Teams within an organization.';

CREATE TABLE public.team_members (
  team_id     uuid NOT NULL REFERENCES public.teams ON DELETE CASCADE,
  user_id     uuid NOT NULL REFERENCES public.users ON DELETE CASCADE,
  role        text NOT NULL DEFAULT 'member' CONSTRAINT team_members_role_check CHECK (role IN ('lead', 'member')),
  permissions jsonb NOT NULL DEFAULT '{}',
  joined_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_members_user_id_idx ON public.team_members (user_id);
COMMENT ON TABLE public.team_members IS 'Who belongs to a team, and what they may do there.';

-- organization_id, manager_id and service_tier may be NULL until 007: projects from before the database have none of the three.
CREATE TABLE public.projects (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid REFERENCES public.organizations ON DELETE RESTRICT,
  team_id         uuid REFERENCES public.teams ON DELETE SET NULL,
  manager_id      uuid REFERENCES public.users ON DELETE RESTRICT,
  client_id       uuid REFERENCES public.users ON DELETE SET NULL,
  name            text NOT NULL,
  description     text,
  status          text NOT NULL DEFAULT 'planning'
                  CONSTRAINT projects_status_check CHECK (status IN ('planning', 'active', 'on_hold', 'completed', 'cancelled', 'archived')),
  priority        text NOT NULL DEFAULT 'medium' CONSTRAINT projects_priority_check CHECK (priority IN ('low', 'medium', 'high', 'urgent')),
  service_tier    text CONSTRAINT projects_service_tier_check CHECK (service_tier IN ('starter', 'standard', 'premium')),
  budget          numeric(12, 2) CONSTRAINT projects_budget_check CHECK (budget >= 0),
  currency        text NOT NULL DEFAULT 'USD' CONSTRAINT projects_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  start_date      date,
  due_date        date,
  metadata        jsonb NOT NULL DEFAULT '{}',
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX projects_organization_id_idx ON public.projects (organization_id);
CREATE INDEX projects_status_idx ON public.projects (status);
CREATE INDEX projects_manager_id_idx ON public.projects (manager_id);
COMMENT ON TABLE public.projects IS 'Creative work for an organization, with somebody who answers for it.';
