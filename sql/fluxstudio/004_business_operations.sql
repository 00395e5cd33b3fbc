-- What is sold, asked for, worked, billed and shown. Money is numeric, never a float, and always has its currency beside it.

CREATE TABLE public.service_packages (
  id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name         text NOT NULL,
  slug         text NOT NULL CONSTRAINT service_packages_slug_key UNIQUE,
  description  text,
  service_tier text NOT NULL CONSTRAINT service_packages_service_tier_check CHECK (service_tier IN ('starter', 'standard', 'premium')),
  price        numeric(12, 2) NOT NULL CONSTRAINT service_packages_price_check CHECK (price >= 0),
  currency     text NOT NULL DEFAULT 'USD' CONSTRAINT service_packages_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  features     jsonb NOT NULL DEFAULT '[]',
  is_active    boolean NOT NULL DEFAULT true,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.service_packages IS 'What is offered, and its price.';

CREATE TABLE public.client_requests (
  id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id    uuid REFERENCES public.organizations ON DELETE SET NULL,
  service_package_id uuid REFERENCES public.service_packages ON DELETE SET NULL,
  project_id         uuid REFERENCES public.projects ON DELETE SET NULL,
  assigned_to        uuid REFERENCES public.users ON DELETE SET NULL,
  contact_name       text NOT NULL,
  contact_email      text NOT NULL,
  company            text,
  message            text NOT NULL,
  budget             numeric(12, 2) CONSTRAINT client_requests_budget_check CHECK (budget >= 0),
  currency           text NOT NULL DEFAULT 'USD' CONSTRAINT client_requests_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  status             text NOT NULL DEFAULT 'new'
                     CONSTRAINT client_requests_status_check CHECK (status IN ('new', 'qualified', 'proposal', 'won', 'lost')),
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX client_requests_organization_id_idx ON public.client_requests (organization_id);
CREATE INDEX client_requests_service_package_id_idx ON public.client_requests (service_package_id);
CREATE INDEX client_requests_project_id_idx ON public.client_requests (project_id);
CREATE INDEX client_requests_assigned_to_idx ON public.client_requests (assigned_to);
CREATE INDEX client_requests_status_idx ON public.client_requests (status);
COMMENT ON TABLE public.client_requests IS 'Who asked for work, and the project that came of it.';

CREATE TABLE public.invoices (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL REFERENCES public.organizations ON DELETE RESTRICT,
  project_id      uuid REFERENCES public.projects ON DELETE RESTRICT,
  created_by      uuid REFERENCES public.users ON DELETE SET NULL,
  number          text NOT NULL CONSTRAINT invoices_number_key UNIQUE,
  status          text NOT NULL DEFAULT 'draft'
                  CONSTRAINT invoices_status_check CHECK (status IN ('draft', 'sent', 'paid', 'overdue', 'void')),
  currency        text NOT NULL DEFAULT 'USD' CONSTRAINT invoices_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  subtotal        numeric(12, 2) NOT NULL CONSTRAINT invoices_subtotal_check CHECK (subtotal >= 0),
  tax             numeric(12, 2) NOT NULL DEFAULT 0 CONSTRAINT invoices_tax_check CHECK (tax >= 0),
  total           numeric(12, 2) GENERATED ALWAYS AS (subtotal + tax) STORED,
  line_items      jsonb NOT NULL DEFAULT '[]',
  issued_on       date,
  due_on          date,
  paid_at         timestamptz,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT invoices_paid_check CHECK (status <> 'paid' OR paid_at IS NOT NULL)
);
CREATE INDEX invoices_organization_id_idx ON public.invoices (organization_id);
CREATE INDEX invoices_project_id_idx ON public.invoices (project_id);
CREATE INDEX invoices_created_by_idx ON public.invoices (created_by);
CREATE INDEX invoices_status_due_on_idx ON public.invoices (status, due_on);
COMMENT ON TABLE public.invoices IS 'What was billed and what was paid. Nothing that is billed disappears with its project.';

CREATE TABLE public.time_entries (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  project_id  uuid NOT NULL REFERENCES public.projects ON DELETE RESTRICT,
  user_id     uuid NOT NULL REFERENCES public.users ON DELETE RESTRICT,
  invoice_id  uuid REFERENCES public.invoices ON DELETE SET NULL,
  description text,
  worked_on   date NOT NULL,
  minutes     integer NOT NULL CONSTRAINT time_entries_minutes_check CHECK (minutes BETWEEN 1 AND 1440),
  is_billable boolean NOT NULL DEFAULT true,
  hourly_rate numeric(12, 2) CONSTRAINT time_entries_hourly_rate_check CHECK (hourly_rate >= 0),
  currency    text NOT NULL DEFAULT 'USD' CONSTRAINT time_entries_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX time_entries_project_id_worked_on_idx ON public.time_entries (project_id, worked_on);
CREATE INDEX time_entries_user_id_worked_on_idx ON public.time_entries (user_id, worked_on);
CREATE INDEX time_entries_invoice_id_idx ON public.time_entries (invoice_id);
COMMENT ON TABLE public.time_entries IS 'Time that somebody worked on a project, and the invoice that it went into.';

CREATE TABLE public.portfolios (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id     uuid NOT NULL REFERENCES public.users ON DELETE CASCADE,
  slug        text NOT NULL CONSTRAINT portfolios_slug_key UNIQUE,
  title       text NOT NULL,
  description text,
  is_public   boolean NOT NULL DEFAULT false,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX portfolios_user_id_idx ON public.portfolios (user_id);
COMMENT ON TABLE public.portfolios IS 'What somebody shows of their work; private until they say otherwise.';

CREATE TABLE public.portfolio_items (
  id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  portfolio_id uuid NOT NULL REFERENCES public.portfolios ON DELETE CASCADE,
  project_id   uuid REFERENCES public.projects ON DELETE SET NULL,
  file_id      uuid REFERENCES public.files ON DELETE SET NULL,
  title        text NOT NULL,
  description  text,
  position     integer NOT NULL DEFAULT 0,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX portfolio_items_portfolio_id_position_idx ON public.portfolio_items (portfolio_id, position);
CREATE INDEX portfolio_items_project_id_idx ON public.portfolio_items (project_id);
CREATE INDEX portfolio_items_file_id_idx ON public.portfolio_items (file_id);
COMMENT ON TABLE public.portfolio_items IS 'One piece in a portfolio.';
