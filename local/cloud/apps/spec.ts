import { z } from "zod";
import { badRequest } from "../core/api-error.ts";
import { withoutNulls } from "../core/validation.ts";

/** The schema of an app spec. Unknown fields are dropped, as by the API; a known field of the wrong type is rejected. */

const NAME = /^[a-z][a-z0-9-]{0,30}[a-z0-9]$/;
const DOMAIN = /^((xn--)?[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*\.)+[a-zA-Z]{2,}\.?$/;
const string = z.string().optional();
const boolean = z.boolean().optional();
const integer = (least: number, most: number) => z.number().int().min(least).max(most).optional();
const name = z.string().regex(NAME, "must be 2 to 32 lower-case letters, digits and dashes, beginning with a letter");
const port = integer(1, 65_535);

const EnvShape = z.object({
  key: z.string().regex(/^[_A-Za-z][_A-Za-z0-9]*$/, "must be letters, digits and underscores, not beginning with a digit"),
  value: string,
  scope: z.enum(["UNSET", "RUN_TIME", "BUILD_TIME", "RUN_AND_BUILD_TIME"]).optional(),
  type: z.enum(["GENERAL", "SECRET"]).optional(),
});

const repository = z.object({
  repo: z
    .string()
    .regex(/^[^/]+(\/[^/]+)+$/, "must be owner/repository")
    .optional(),
  branch: string,
  deploy_on_push: boolean,
});
const sources = {
  git: z.object({ repo_clone_url: z.string(), branch: string }).optional(),
  github: repository.optional(),
  gitlab: repository.optional(),
  bitbucket: repository.optional(),
  image: z
    .object({
      registry_type: z.enum(["DOCKER_HUB", "DOCR", "GHCR"]).optional(),
      registry: string,
      registry_credentials: string,
      repository: z.string().max(192),
      tag: string,
      digest: string,
      deploy_on_push: z.object({ enabled: boolean }).optional(),
    })
    .optional(),
};

const AlertShape = z.object({
  rule: z.string(),
  disabled: boolean,
  operator: z.enum(["UNSPECIFIED_OPERATOR", "GREATER_THAN", "LESS_THAN"]).optional(),
  value: z.number().optional(),
  window: z.enum(["UNSPECIFIED_WINDOW", "FIVE_MINUTES", "TEN_MINUTES", "THIRTY_MINUTES", "ONE_HOUR"]).optional(),
});

const cors = z
  .object({
    allow_origins: z.array(z.object({ exact: string, prefix: string, regex: string })).optional(),
    allow_methods: z.array(z.string()).optional(),
    allow_headers: z.array(z.string()).optional(),
    expose_headers: z.array(z.string()).optional(),
    max_age: string,
    allow_credentials: boolean,
  })
  .optional();

const logDestinations = z
  .array(
    z.object({
      name: z.string(),
      papertrail: z.object({ endpoint: z.string() }).optional(),
      datadog: z.object({ endpoint: string, api_key: z.string() }).optional(),
      logtail: z.object({ token: string }).optional(),
      endpoint: string,
      tls_insecure: boolean,
      headers: z.array(z.object({ key: string, value: string })).optional(),
      open_search: z
        .object({
          endpoint: string,
          basic_auth: z.object({ user: string, password: string }).optional(),
          index_name: string,
          cluster_name: string,
        })
        .optional(),
    }),
  )
  .optional();

const commonFields = {
  name,
  envs: z.array(EnvShape).optional(),
  alerts: z.array(AlertShape).optional(),
  log_destinations: logDestinations,
};
const buildFields = { ...sources, dockerfile_path: string, build_command: string, source_dir: string, environment_slug: string };
const instanceFields = { instance_count: integer(1, 250), instance_size_slug: string, run_command: string };

const autoscaling = z
  .object({
    min_instance_count: integer(1, 250),
    max_instance_count: integer(1, 250),
    metrics: z
      .object({
        cpu: z.object({ percent: integer(1, 100) }).optional(),
        requests_per_second: z.object({ per_instance: z.number().int().optional() }).optional(),
        request_duration: z.object({ p95_milliseconds: z.number().int().optional() }).optional(),
      })
      .optional(),
  })
  .optional();

const probeFields = {
  initial_delay_seconds: integer(0, 3600),
  period_seconds: integer(0, 300),
  timeout_seconds: integer(0, 120),
  success_threshold: integer(0, 50),
  failure_threshold: integer(0, 50),
  http_path: string,
  port,
};
const routes = z.array(z.object({ path: string, preserve_path_prefix: boolean })).optional();

const ServiceShape = z.object({
  ...commonFields,
  ...buildFields,
  ...instanceFields,
  autoscaling,
  http_port: port,
  protocol: z.enum(["HTTP", "HTTP2"]).optional(),
  internal_ports: z.array(z.number().int().min(1).max(65_535)).optional(),
  routes,
  cors,
  health_check: z.object({ ...probeFields, path: string }).optional(),
  liveness_health_check: z.object(probeFields).optional(),
  termination: z.object({ drain_seconds: integer(1, 110), grace_period_seconds: integer(1, 600) }).optional(),
  inactivity_sleep: z.looseObject({ after_seconds: z.number().int().optional() }).optional(),
});

const StaticSiteShape = z.object({
  ...commonFields,
  ...buildFields,
  index_document: string,
  error_document: string,
  catchall_document: string,
  output_dir: string,
  routes,
  cors,
});

const WorkerShape = z.object({
  ...commonFields,
  ...buildFields,
  ...instanceFields,
  autoscaling,
  liveness_health_check: z.object(probeFields).optional(),
  termination: z.object({ grace_period_seconds: integer(1, 600) }).optional(),
});

const JobShape = z.object({
  ...commonFields,
  ...buildFields,
  ...instanceFields,
  kind: z.enum(["UNSPECIFIED", "PRE_DEPLOY", "POST_DEPLOY", "FAILED_DEPLOY", "SCHEDULED"]).optional(),
  schedule: z.object({ cron: z.string(), time_zone: string }).optional(),
  timeout: string,
  termination: z.object({ grace_period_seconds: integer(1, 600) }).optional(),
});

const { image: _, ...repositories } = sources;
const FunctionShape = z.object({ ...commonFields, ...repositories, source_dir: string, routes, cors });

const DatabaseShape = z.object({
  name,
  engine: z.enum(["UNSET", "MYSQL", "PG", "REDIS", "MONGODB", "KAFKA", "OPENSEARCH", "VALKEY"]).optional(),
  version: string,
  production: boolean,
  size: string,
  num_nodes: z.number().int().optional(),
  cluster_name: string,
  db_name: string,
  db_user: string,
});

const IngressShape = z.object({
  rules: z
    .array(
      z.object({
        match: z
          .object({
            path: z.object({ prefix: z.string().max(256).optional(), exact: z.string().max(256).optional() }).optional(),
            authority: z.object({ prefix: z.string().max(256).optional(), exact: z.string().max(256).optional() }).optional(),
          })
          .optional(),
        cors,
        component: z.object({ name: z.string(), preserve_path_prefix: boolean, rewrite: string }).optional(),
        redirect: z
          .object({
            uri: string,
            authority: string,
            port: z.number().int().optional(),
            scheme: string,
            redirect_code: z.number().int().optional(),
          })
          .optional(),
      }),
    )
    .optional(),
  secure_header: z.object({ key: string, value: string, remove_header: boolean }).optional(),
  load_balancer: string,
  load_balancer_size: z.number().int().optional(),
  custom_error_page_url: string,
});

const AppSpecShape = z.object({
  name,
  region: string,
  services: z.array(ServiceShape).optional(),
  static_sites: z.array(StaticSiteShape).optional(),
  workers: z.array(WorkerShape).optional(),
  jobs: z.array(JobShape).optional(),
  functions: z.array(FunctionShape).optional(),
  databases: z.array(DatabaseShape).optional(),
  domains: z
    .array(
      z.object({
        domain: z.string().min(4).max(253).regex(DOMAIN, "must be a domain name"),
        type: z.enum(["UNSPECIFIED", "DEFAULT", "PRIMARY", "ALIAS"]).optional(),
        wildcard: boolean,
        zone: string,
        certificate: string,
        minimum_tls_version: z.enum(["1.2", "1.3"]).optional(),
      }),
    )
    .optional(),
  envs: z.array(EnvShape).optional(),
  alerts: z.array(AlertShape).optional(),
  ingress: IngressShape.optional(),
  egress: z.object({ type: z.enum(["AUTOASSIGN", "DEDICATED_IP"]).optional() }).optional(),
  features: z.array(z.string()).optional(),
  maintenance: z.object({ enabled: boolean, archive: boolean, offline_page_url: string }).optional(),
  vpc: z.object({ id: string }).optional(),
  disable_edge_cache: boolean,
  disable_email_obfuscation: boolean,
  enhanced_threat_control_enabled: boolean,
});

export type AppSpec = z.infer<typeof AppSpecShape>;
export type EnvSpec = z.infer<typeof EnvShape>;
export type ServiceSpec = z.infer<typeof ServiceShape>;
export type AlertSpec = z.infer<typeof AlertShape>;
export type DatabaseSpec = z.infer<typeof DatabaseShape>;
type JobSpec = z.infer<typeof JobShape>;

export function parseSpec(raw: unknown): AppSpec {
  const parsed = AppSpecShape.safeParse(withoutNulls(raw));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw specError(issue!.path.join("."), issue!.message);
}

/** App Platform reports only the first error, with its field. */
export const specError = (field: string, what: string) =>
  badRequest(field ? `error validating app spec field "${field}": ${what}` : `error validating app spec: ${what}`);

// ── Components of every kind ───────────────────────────────────────────────────────────────────────────────────

const COMPONENT_LISTS = ["services", "static_sites", "workers", "jobs", "functions"] as const;
export type ComponentList = (typeof COMPONENT_LISTS)[number];

type AnyComponent = NonNullable<AppSpec[ComponentList]>[number];
export type Component = AnyComponent & Partial<Omit<ServiceSpec & JobSpec, keyof AnyComponent>>;

export interface SpecComponent {
  readonly list: ComponentList;
  /** Its path in the spec, for error messages: `services.0`. */
  readonly field: string;
  readonly component: Component;
}

export const componentsOf = (spec: AppSpec): SpecComponent[] =>
  COMPONENT_LISTS.flatMap((list) =>
    ((spec[list] ?? []) as Component[]).map((component, index) => ({ list, field: `${list}.${index}`, component })),
  );

/** Returns every list of variables in a spec, the app-level list first. */
export const envListsOf = (spec: AppSpec): { readonly field: string; readonly envs: readonly EnvSpec[] }[] => [
  { field: "envs", envs: spec.envs ?? [] },
  ...componentsOf(spec).map(({ field, component }) => ({ field: `${field}.envs`, envs: component.envs ?? [] })),
];

/** Returns the spec with every list of variables mapped. */
export function mapEnvs(spec: AppSpec, map: (envs: EnvSpec[]) => EnvSpec[]): AppSpec {
  const mapped = <T extends { envs?: EnvSpec[] | undefined }>(holder: T): T =>
    holder.envs ? { ...holder, envs: map(holder.envs) } : holder;
  const lists = COMPONENT_LISTS.flatMap((list) => (spec[list] ? [[list, (spec[list] as Component[]).map(mapped)]] : []));
  return { ...mapped(spec), ...Object.fromEntries(lists) };
}
