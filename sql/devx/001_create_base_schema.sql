-- Users, their projects and services, the templates they start from, and what was generated. The only source of this schema: managed
-- Postgres runs no init scripts, and a database that one made takes this file over as its baseline.
--
-- Keys come from gen_random_uuid(), which is part of Postgres and works under any search path. Deletes follow the documents, which name
-- no rule: what others still refer to stays (NO ACTION).

-- The roles step makes both schemas. Asked first, because CREATE SCHEMA IF NOT EXISTS needs a right on the database that the owner lacks.
DO $$
BEGIN
  IF to_regnamespace('devx') IS NULL THEN
    CREATE SCHEMA devx;
  END IF;
  IF to_regnamespace('templates') IS NULL THEN
    CREATE SCHEMA templates;
  END IF;
END $$;

CREATE FUNCTION devx.set_updated_at() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END $$;
COMMENT ON FUNCTION devx.set_updated_at() IS 'The time of the last change, whoever makes it.';

CREATE TABLE devx.users (
  id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email         varchar(255) NOT NULL CONSTRAINT users_email_key UNIQUE,
  username      varchar(255) NOT NULL CONSTRAINT users_username_key UNIQUE,
  password_hash varchar(255),
  name          varchar(255),
  role          varchar(50) NOT NULL DEFAULT 'user' CONSTRAINT users_role_check CHECK (role IN ('user', 'admin')),
  is_active     boolean NOT NULL DEFAULT true,
  metadata      jsonb DEFAULT '{}',
  created_at    timestamptz DEFAULT CURRENT_TIMESTAMP,
  updated_at    timestamptz DEFAULT CURRENT_TIMESTAMP
);
CREATE UNIQUE INDEX users_email_lower_key ON devx.users (lower(email));
COMMENT ON TABLE devx.users IS 'Accounts and how they sign in.';

CREATE TABLE templates.categories (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name        varchar(255) NOT NULL,
  slug        varchar(255) NOT NULL CONSTRAINT categories_slug_key UNIQUE,
  description text,
  icon        varchar(255),
  sort_order  integer NOT NULL DEFAULT 0,
  metadata    jsonb DEFAULT '{}',
  created_at  timestamptz DEFAULT CURRENT_TIMESTAMP,
  updated_at  timestamptz DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX categories_sort_order_idx ON templates.categories (sort_order, name);
COMMENT ON TABLE templates.categories IS 'What templates are sorted by; GET /api/templates/categories lists them in sort_order.';

CREATE TABLE templates.technologies (
  id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name       varchar(255) NOT NULL,
  slug       varchar(255) NOT NULL CONSTRAINT technologies_slug_key UNIQUE,
  kind       varchar(50),
  version    varchar(50),
  metadata   jsonb DEFAULT '{}',
  created_at timestamptz DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz DEFAULT CURRENT_TIMESTAMP
);
COMMENT ON TABLE templates.technologies IS 'Languages, frameworks and tools that a template may use.';

CREATE TABLE templates.templates (
  id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name          varchar(255) NOT NULL,
  slug          varchar(255) NOT NULL CONSTRAINT templates_slug_key UNIQUE,
  description   text,
  category_id   uuid REFERENCES templates.categories (id) ON DELETE NO ACTION,
  created_by    uuid REFERENCES devx.users (id) ON DELETE NO ACTION,
  version       varchar(50) NOT NULL DEFAULT '1.0.0',
  technologies  text[] NOT NULL DEFAULT '{}',
  configuration jsonb DEFAULT '{}',
  metadata      jsonb DEFAULT '{}',
  is_active     boolean NOT NULL DEFAULT true,
  created_at    timestamptz DEFAULT CURRENT_TIMESTAMP,
  updated_at    timestamptz DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX templates_category_id_idx ON templates.templates (category_id);
CREATE INDEX templates_created_by_idx ON templates.templates (created_by);
CREATE INDEX templates_technologies_idx ON templates.templates USING gin (technologies);
CREATE INDEX templates_active_name_idx ON templates.templates (name) WHERE is_active;
COMMENT ON TABLE templates.templates IS 'What a service can be made from; GET /api/templates lists the active ones.';
COMMENT ON COLUMN templates.templates.technologies IS 'Slugs of templates.technologies.';

CREATE TABLE devx.projects (
  id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id       uuid NOT NULL REFERENCES devx.users (id) ON DELETE NO ACTION,
  template_id   uuid REFERENCES templates.templates (id) ON DELETE NO ACTION,
  name          varchar(255) NOT NULL,
  slug          varchar(255) NOT NULL,
  description   text,
  status        varchar(50) NOT NULL DEFAULT 'active' CONSTRAINT projects_status_check CHECK (status IN ('active', 'archived')),
  configuration jsonb DEFAULT '{}',
  metadata      jsonb DEFAULT '{}',
  created_at    timestamptz DEFAULT CURRENT_TIMESTAMP,
  updated_at    timestamptz DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT projects_user_id_slug_key UNIQUE (user_id, slug)
);
CREATE INDEX projects_template_id_idx ON devx.projects (template_id);
CREATE INDEX projects_status_idx ON devx.projects (status);
COMMENT ON TABLE devx.projects IS 'What a user builds, and its configuration.';

CREATE TABLE devx.services (
  id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name              varchar(255) NOT NULL,
  slug              varchar(255) UNIQUE NOT NULL,
  description       text,
  template_id       uuid REFERENCES templates.templates (id) ON DELETE NO ACTION,
  user_id           uuid NOT NULL REFERENCES devx.users (id) ON DELETE NO ACTION,
  project_id        uuid REFERENCES devx.projects (id) ON DELETE NO ACTION,
  service_type      varchar(50) NOT NULL DEFAULT 'api',
  port              integer,
  health_check_url  varchar(500),
  status            varchar(50) DEFAULT 'inactive'
                    CONSTRAINT services_status_check CHECK (status IN ('inactive', 'deploying', 'active', 'stopped', 'failed')),
  deployment_config jsonb DEFAULT '{}',
  environment_vars  jsonb DEFAULT '{}',
  resource_limits   jsonb DEFAULT '{}',
  created_at        timestamptz DEFAULT CURRENT_TIMESTAMP,
  updated_at        timestamptz DEFAULT CURRENT_TIMESTAMP,
  deployed_at       timestamptz
);
CREATE INDEX services_template_id_idx ON devx.services (template_id);
CREATE INDEX services_user_id_idx ON devx.services (user_id);
CREATE INDEX services_project_id_idx ON devx.services (project_id);
CREATE INDEX services_status_idx ON devx.services (status);
COMMENT ON TABLE devx.services IS 'The services within a project.';
COMMENT ON COLUMN devx.services.environment_vars IS
  'Plain settings. Not for secrets: every role that may read services reads them, and so does every backup.';

CREATE TABLE devx.generation_history (
  id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id           uuid NOT NULL REFERENCES devx.users (id) ON DELETE NO ACTION,
  template_id       uuid REFERENCES templates.templates (id) ON DELETE NO ACTION,
  project_id        uuid REFERENCES devx.projects (id) ON DELETE NO ACTION,
  service_id        uuid REFERENCES devx.services (id) ON DELETE NO ACTION,
  generation_type   varchar(50) NOT NULL,
  input_params      jsonb DEFAULT '{}',
  output_files      jsonb DEFAULT '[]',
  generation_status varchar(50) DEFAULT 'pending',
  error_message     text,
  execution_time_ms integer,
  created_at        timestamptz DEFAULT CURRENT_TIMESTAMP,
  completed_at      timestamptz
);
CREATE INDEX generation_history_user_id_created_at_idx ON devx.generation_history (user_id, created_at);
CREATE INDEX generation_history_template_id_idx ON devx.generation_history (template_id);
CREATE INDEX generation_history_project_id_idx ON devx.generation_history (project_id);
CREATE INDEX generation_history_service_id_idx ON devx.generation_history (service_id);
COMMENT ON TABLE devx.generation_history IS 'Each generation of code or of a service: what went in, what came out, how long it took.';

-- No foreign key but the user's: a line of the log outlives what it tells of.
CREATE TABLE devx.activity_logs (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id     uuid REFERENCES devx.users (id) ON DELETE SET NULL,
  action      varchar(100) NOT NULL,
  entity_type varchar(100),
  entity_id   uuid,
  details     jsonb DEFAULT '{}',
  ip_address  inet,
  created_at  timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX activity_logs_user_id_idx ON devx.activity_logs (user_id);
CREATE INDEX activity_logs_entity_idx ON devx.activity_logs (entity_type, entity_id);
-- What the daily forgetting looks for: the oldest lines.
CREATE INDEX activity_logs_created_at_idx ON devx.activity_logs (created_at);
COMMENT ON TABLE devx.activity_logs IS 'What happened on the platform. Kept for a year: a schedule of the product deletes what is older.';

CREATE TRIGGER users_set_updated_at BEFORE UPDATE ON devx.users FOR EACH ROW EXECUTE FUNCTION devx.set_updated_at();
CREATE TRIGGER projects_set_updated_at BEFORE UPDATE ON devx.projects FOR EACH ROW EXECUTE FUNCTION devx.set_updated_at();
CREATE TRIGGER services_set_updated_at BEFORE UPDATE ON devx.services FOR EACH ROW EXECUTE FUNCTION devx.set_updated_at();
CREATE TRIGGER categories_set_updated_at BEFORE UPDATE ON templates.categories FOR EACH ROW EXECUTE FUNCTION devx.set_updated_at();
CREATE TRIGGER technologies_set_updated_at BEFORE UPDATE ON templates.technologies FOR EACH ROW EXECUTE FUNCTION devx.set_updated_at();
CREATE TRIGGER templates_set_updated_at BEFORE UPDATE ON templates.templates FOR EACH ROW EXECUTE FUNCTION devx.set_updated_at();
