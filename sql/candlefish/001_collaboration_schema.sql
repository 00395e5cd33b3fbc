-- Documents that people of one organization edit together.
--
-- Every table of an organization carries organization_id, and every reference between two such tables includes it: foreign keys look past
-- row-level security, so without it a row could point into another organization, and tell by its success that the target exists.

CREATE FUNCTION public.set_updated_at() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END $$;
COMMENT ON FUNCTION public.set_updated_at() IS 'The time of the last change, whoever makes it.';

CREATE TABLE public.organizations (
  id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name       text NOT NULL,
  slug       text NOT NULL CONSTRAINT organizations_slug_key UNIQUE,
  settings   jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.organizations IS 'Tenants. A transaction sees the one that it names, and none where it names none.';

CREATE TABLE public.users (
  id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email      text NOT NULL CONSTRAINT users_email_key UNIQUE,
  name       text NOT NULL,
  avatar_url text,
  is_active  boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email_lower_key ON public.users (lower(email));
COMMENT ON TABLE public.users IS 'Everybody, across organizations. Belongs to no tenant and holds nothing of one.';

CREATE TABLE public.documents (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES public.organizations ON DELETE CASCADE,
  created_by      uuid REFERENCES public.users ON DELETE SET NULL,
  title           text NOT NULL,
  content         text NOT NULL DEFAULT '',
  crdt_state      bytea NOT NULL DEFAULT '',
  crdt_clock      bigint NOT NULL DEFAULT 0 CONSTRAINT documents_crdt_clock_check CHECK (crdt_clock >= 0),
  -- Cut, because a text with more words than a tsvector can hold would otherwise refuse to be saved.
  search          tsvector GENERATED ALWAYS AS (
                    setweight(to_tsvector('english', left(title, 1000)), 'A') || setweight(to_tsvector('english', left(content, 200000)), 'B')
                  ) STORED,
  archived_at     timestamptz,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT documents_organization_id_id_key UNIQUE (organization_id, id)
);
CREATE INDEX documents_created_by_idx ON public.documents (created_by);
CREATE INDEX documents_organization_id_updated_at_idx ON public.documents (organization_id, updated_at);
COMMENT ON TABLE public.documents IS 'A document: its merged state, and its text for reading and searching.';
COMMENT ON COLUMN public.documents.crdt_state IS 'The merged state as the editor''s library encodes it.';
COMMENT ON COLUMN public.documents.crdt_clock IS 'The last operation that crdt_state contains. Clean-up removes no later one, however old.';
COMMENT ON COLUMN public.documents.content IS 'The text without its history, written by the application whenever it merges.';

CREATE TABLE public.crdt_operations (
  organization_id uuid NOT NULL,
  document_id     uuid NOT NULL,
  sequence        bigint NOT NULL CONSTRAINT crdt_operations_sequence_check CHECK (sequence > 0),
  user_id         uuid REFERENCES public.users ON DELETE SET NULL,
  site_id         text NOT NULL,
  operation       bytea NOT NULL,
  vector_clock    jsonb NOT NULL DEFAULT '{}',
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, document_id, sequence),
  FOREIGN KEY (organization_id, document_id) REFERENCES public.documents (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX crdt_operations_user_id_idx ON public.crdt_operations (user_id);
CREATE INDEX crdt_operations_created_at_idx ON public.crdt_operations (created_at);
COMMENT ON TABLE public.crdt_operations IS 'The log of edits. sequence is the order in which the server took them; vector_clock settles conflicts.';

CREATE TABLE public.presence_sessions (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL,
  document_id     uuid NOT NULL,
  user_id         uuid NOT NULL REFERENCES public.users ON DELETE CASCADE,
  state           text NOT NULL DEFAULT 'active' CONSTRAINT presence_sessions_state_check CHECK (state IN ('active', 'idle', 'away')),
  cursor          jsonb,
  connected_at    timestamptz NOT NULL DEFAULT now(),
  last_seen_at    timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (organization_id, document_id) REFERENCES public.documents (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX presence_sessions_document_idx ON public.presence_sessions (organization_id, document_id);
CREATE INDEX presence_sessions_user_id_idx ON public.presence_sessions (user_id);
CREATE INDEX presence_sessions_last_seen_at_idx ON public.presence_sessions (last_seen_at);
COMMENT ON TABLE public.presence_sessions IS 'Who is in a document now. A session that says nothing for long is removed by clean-up.';

CREATE TABLE public.comments (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL,
  document_id     uuid NOT NULL,
  parent_id       uuid,
  author_id       uuid REFERENCES public.users ON DELETE SET NULL,
  resolved_by     uuid REFERENCES public.users ON DELETE SET NULL,
  body            text NOT NULL,
  anchor          jsonb,
  reactions       jsonb NOT NULL DEFAULT '{}' CONSTRAINT comments_reactions_check CHECK (jsonb_typeof(reactions) = 'object'),
  resolved_at     timestamptz,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT comments_organization_id_document_id_id_key UNIQUE (organization_id, document_id, id),
  CONSTRAINT comments_not_its_own_parent_check CHECK (parent_id <> id),
  FOREIGN KEY (organization_id, document_id) REFERENCES public.documents (organization_id, id) ON DELETE CASCADE,
  FOREIGN KEY (organization_id, document_id, parent_id) REFERENCES public.comments (organization_id, document_id, id) ON DELETE CASCADE
);
CREATE INDEX comments_parent_idx ON public.comments (organization_id, document_id, parent_id);
CREATE INDEX comments_author_id_idx ON public.comments (author_id);
CREATE INDEX comments_resolved_by_idx ON public.comments (resolved_by);
COMMENT ON TABLE public.comments IS 'Comments on a document. A reply belongs to the same document as what it replies to.';
COMMENT ON COLUMN public.comments.reactions IS 'Who gave which emoji: {"👍": ["<user id>", …]}.';

CREATE TABLE public.document_versions (
  id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id   uuid NOT NULL,
  document_id       uuid NOT NULL,
  parent_version_id uuid,
  created_by        uuid REFERENCES public.users ON DELETE SET NULL,
  branch            text NOT NULL DEFAULT 'main',
  number            integer NOT NULL CONSTRAINT document_versions_number_check CHECK (number > 0),
  label             text,
  crdt_state        bytea NOT NULL,
  created_at        timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT document_versions_branch_number_key UNIQUE (organization_id, document_id, branch, number),
  CONSTRAINT document_versions_organization_id_document_id_id_key UNIQUE (organization_id, document_id, id),
  CONSTRAINT document_versions_not_its_own_parent_check CHECK (parent_version_id <> id),
  FOREIGN KEY (organization_id, document_id) REFERENCES public.documents (organization_id, id) ON DELETE CASCADE,
  FOREIGN KEY (organization_id, document_id, parent_version_id)
    REFERENCES public.document_versions (organization_id, document_id, id)
);
CREATE INDEX document_versions_parent_idx ON public.document_versions (organization_id, document_id, parent_version_id);
CREATE INDEX document_versions_created_by_idx ON public.document_versions (created_by);
COMMENT ON TABLE public.document_versions IS 'Kept states of a document. Two versions with one parent are the beginning of two branches.';

CREATE TABLE public.paintbox_integrations (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL,
  document_id     uuid NOT NULL,
  estimate_id     text NOT NULL,
  direction       text NOT NULL DEFAULT 'both'
                  CONSTRAINT paintbox_integrations_direction_check CHECK (direction IN ('both', 'to_paintbox', 'from_paintbox')),
  status          text NOT NULL DEFAULT 'pending'
                  CONSTRAINT paintbox_integrations_status_check CHECK (status IN ('pending', 'synced', 'conflict', 'failed')),
  estimate        jsonb NOT NULL DEFAULT '{}',
  error           text,
  synced_at       timestamptz,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT paintbox_integrations_estimate_key UNIQUE (organization_id, document_id, estimate_id),
  FOREIGN KEY (organization_id, document_id) REFERENCES public.documents (organization_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE public.paintbox_integrations IS 'Which estimate of Paintbox a document follows, and how far the two agree.';

CREATE TABLE public.brand_portal_integrations (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES public.organizations ON DELETE CASCADE,
  document_id     uuid,
  brand_id        text NOT NULL,
  theme           jsonb NOT NULL DEFAULT '{}',
  is_active       boolean NOT NULL DEFAULT true,
  synced_at       timestamptz,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (organization_id, document_id) REFERENCES public.documents (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX brand_portal_integrations_document_idx ON public.brand_portal_integrations (organization_id, document_id);
COMMENT ON TABLE public.brand_portal_integrations IS 'The theme of an organization, or of one of its documents where document_id says so.';

CREATE TABLE public.document_metrics (
  id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id uuid NOT NULL,
  document_id     uuid NOT NULL,
  metric          text NOT NULL,
  value           double precision NOT NULL,
  measured_at     timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (organization_id, document_id) REFERENCES public.documents (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX document_metrics_document_idx ON public.document_metrics (organization_id, document_id, metric, measured_at);
CREATE INDEX document_metrics_measured_at_idx ON public.document_metrics (measured_at);
COMMENT ON TABLE public.document_metrics IS 'Measurements of a document: how long it took to open, to merge, to save.';

CREATE TRIGGER organizations_set_updated_at BEFORE UPDATE ON public.organizations FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();
CREATE TRIGGER users_set_updated_at BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();
CREATE TRIGGER documents_set_updated_at BEFORE UPDATE ON public.documents FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();
CREATE TRIGGER comments_set_updated_at BEFORE UPDATE ON public.comments FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();
CREATE TRIGGER paintbox_integrations_set_updated_at BEFORE UPDATE ON public.paintbox_integrations
  FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();
CREATE TRIGGER brand_portal_integrations_set_updated_at BEFORE UPDATE ON public.brand_portal_integrations
  FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();
