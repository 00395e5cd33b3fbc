/**
 * App specs in all forms that public specs have. Each is created, deployed, updated and deleted by a test, which first creates the clusters that
 * it refers to. `echo` holds the values that DigitalOcean fills in.
 */
export interface SpecShape {
  readonly what: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly clusters?: readonly { readonly name: string; readonly engine: "pg" | "valkey" }[];
  readonly echo?: Readonly<Record<string, unknown>>;
}

const github = { repo: "acme/shop", branch: "main", deploy_on_push: true };
const git = { repo_clone_url: "https://git.example.com/shop.git", branch: "main" };
const image = { registry_type: "DOCKER_HUB", registry: "library", repository: "nginx", tag: "1.27" };
const probe = {
  http_path: "/live",
  initial_delay_seconds: 20,
  period_seconds: 10,
  timeout_seconds: 5,
  success_threshold: 1,
  failure_threshold: 9,
};

export const SPEC_SHAPES: readonly SpecShape[] = [
  {
    what: "a static site alone",
    spec: { static_sites: [{ name: "site", github, environment_slug: "html", output_dir: "dist", error_document: "404.html" }] },
  },
  {
    what: "a site and an API with the old form of routes",
    spec: {
      region: "ams3",
      static_sites: [{ name: "site", git, build_command: "npm run build", catchall_document: "index.html", routes: [{ path: "/" }] }],
      services: [{ name: "api", github, http_port: 3000, routes: [{ path: "/api", preserve_path_prefix: true }] }],
    },
    echo: { region: "ams" },
  },
  {
    what: "a service with probes, termination, CORS, alerts and log destinations",
    spec: {
      services: [
        {
          ...{ name: "api", github, dockerfile_path: "Dockerfile", source_dir: "/", run_command: "bin/api", instance_count: 2 },
          ...{
            instance_size_slug: "professional-xs",
            http_port: 8080,
            protocol: "HTTP",
            health_check: { ...probe, http_path: "/healthz", port: 8080 },
          },
          ...{ liveness_health_check: probe, termination: { drain_seconds: 30, grace_period_seconds: 60 } },
          cors: { allow_origins: [{ exact: "https://shop.example" }, { regex: "https://.*" }], allow_methods: ["GET"], max_age: "5h30m" },
          alerts: [{ rule: "CPU_UTILIZATION", operator: "GREATER_THAN", value: 80, window: "FIVE_MINUTES" }],
          log_destinations: [
            { name: "trail", papertrail: { endpoint: "logs.example.com:1234" } },
            { name: "dog", datadog: { endpoint: "https://logs.example.com", api_key: "key" } },
            { name: "tail", logtail: { token: "token" } },
            {
              name: "search",
              open_search: { endpoint: "https://search.example.com", basic_auth: { user: "u", password: "p" }, index_name: "logs" },
            },
          ],
        },
      ],
      alerts: [{ rule: "DEPLOYMENT_FAILED" }, { rule: "DOMAIN_FAILED", disabled: true }],
    },
  },
  {
    what: "images of every registry, by tag and by digest",
    spec: {
      services: [{ name: "hub", image }],
      workers: [
        { name: "ghcr", image: { registry_type: "GHCR", registry: "acme", repository: "worker", digest: `sha256:${"0".repeat(64)}` } },
        { name: "docr", image: { registry_type: "DOCR", repository: "worker", tag: "latest", deploy_on_push: { enabled: true } } },
        { name: "gitlab", gitlab: github },
        { name: "bitbucket", bitbucket: github },
        { name: "unbuilt" },
      ],
    },
  },
  {
    what: "an ingress with a redirect, a rewrite, an authority and a secure header",
    spec: {
      services: [{ name: "api", github, http_port: 3000 }],
      static_sites: [{ name: "site", github }],
      ingress: {
        rules: [
          { match: { path: { prefix: "/old" } }, redirect: { uri: "/new", redirect_code: 302 } },
          { match: { path: { prefix: "/v1" } }, component: { name: "api", rewrite: "/api/v1" }, cors: { allow_credentials: true } },
          { match: { path: { prefix: "/" }, authority: { exact: "docs.example.com" } }, component: { name: "site" } },
          { match: { path: { prefix: "/" } }, component: { name: "api", preserve_path_prefix: true } },
        ],
        secure_header: { key: "X-Edge", value: "secret" },
      },
      domains: [
        { domain: "shop.example", type: "PRIMARY", zone: "shop.example", minimum_tls_version: "1.2" },
        { domain: "www.shop.example", type: "ALIAS" },
      ],
    },
  },
  {
    what: "an internal service that another one connects to by its private address",
    spec: {
      services: [
        { name: "inner", github, internal_ports: [9000] },
        { name: "outer", github, envs: [{ key: "INNER", value: "${inner.PRIVATE_URL}", scope: "RUN_TIME" }] },
      ],
    },
  },
  {
    what: "functions with a route",
    spec: { functions: [{ name: "hello", github, source_dir: "/", routes: [{ path: "/fn" }], envs: [{ key: "A", value: "b" }] }] },
  },
  {
    what: "workers alone",
    spec: { workers: [{ name: "queue", github, run_command: "bin/queue", instance_size_slug: "basic-xxs", instance_count: 1 }] },
    echo: { ingress: {} },
  },
  {
    what: "autoscaling, features, egress and maintenance",
    spec: {
      services: [
        {
          ...{ name: "api", github, instance_size_slug: "apps-d-1vcpu-1gb" },
          autoscaling: {
            min_instance_count: 1,
            max_instance_count: 3,
            metrics: { cpu: { percent: 70 }, requests_per_second: { per_instance: 50 } },
          },
        },
      ],
      ...{
        features: ["buildpack-stack=ubuntu-22"],
        egress: { type: "DEDICATED_IP" },
        maintenance: { enabled: true, offline_page_url: "https://x.example" },
      },
      ...{ disable_edge_cache: true, disable_email_obfuscation: true, enhanced_threat_control_enabled: true },
    },
  },
  {
    what: "a development database that every kind of component reads",
    spec: {
      databases: [{ name: "db", engine: "PG", version: "16", production: false, size: "db-s-dev-database", num_nodes: 1 }],
      services: [{ name: "api", github, envs: [{ key: "DATABASE_URL", value: "${db.DATABASE_URL}", scope: "RUN_AND_BUILD_TIME" }] }],
      workers: [{ name: "queue", github, envs: [{ key: "PGHOST", value: "${db.HOSTNAME}", scope: "RUN_TIME" }] }],
      jobs: [
        {
          name: "migrate",
          github,
          kind: "PRE_DEPLOY",
          run_command: "npm run migrate",
          envs: [{ key: "URL", value: "${db.DATABASE_URL}" }],
        },
        {
          name: "seed",
          github,
          kind: "POST_DEPLOY",
          run_command: "npm run seed",
          timeout: "10m",
          termination: { grace_period_seconds: 30 },
        },
        { name: "warn", github, kind: "FAILED_DEPLOY", run_command: "npm run warn" },
        { name: "nightly", github, kind: "SCHEDULED", schedule: { cron: "0 3 * * *", time_zone: "UTC" }, run_command: "npm run report" },
      ],
    },
  },
  {
    what: "production clusters, each by its engine",
    clusters: [
      { name: "shop-pg", engine: "pg" },
      { name: "shop-cache", engine: "valkey" },
    ],
    spec: {
      databases: [
        { name: "db", engine: "PG", production: true, cluster_name: "shop-pg", db_name: "defaultdb", db_user: "doadmin", version: "16" },
        { name: "cache", engine: "REDIS", production: true, cluster_name: "shop-cache" },
      ],
      services: [
        {
          ...{ name: "api", github },
          envs: [
            { key: "DATABASE_URL", value: "${db.DATABASE_URL}", scope: "RUN_TIME" },
            { key: "REDIS_URL", value: "${cache.DATABASE_URL}", scope: "RUN_TIME" },
          ],
        },
      ],
    },
  },
  {
    what: "databases of every engine that does not run locally",
    spec: {
      databases: ["MYSQL", "MONGODB", "KAFKA", "OPENSEARCH"].map((engine) => ({
        name: engine.toLowerCase(),
        engine,
        production: true,
        cluster_name: "there",
      })),
      services: [
        {
          name: "api",
          github,
          envs: ["mysql", "mongodb", "kafka", "opensearch"].map((name) => ({ key: name.toUpperCase(), value: `\${${name}.DATABASE_URL}` })),
        },
      ],
    },
  },
  {
    what: "app variables, duplicate variables, variables without a value, and addresses of other machines",
    spec: {
      envs: [{ key: "URL", value: "${APP_URL}" }, { key: "EMPTY" }],
      services: [
        {
          ...{ name: "api", github },
          envs: [
            { key: "MODE", value: "one" },
            { key: "MODE", value: "two" },
            { key: "DATABASE_URL", value: "postgresql://me:pw@db.example.com:5432/shop" },
            { key: "BROKEN_URL", value: "postgres://<user>:<password>@[host]/db" },
            { key: "REDIS_URL", value: "rediss://default:100%@cache.example.com:6379" },
            { key: "DANGLING", value: "${nothing.DATABASE_URL}" },
          ],
        },
      ],
    },
  },
  { what: "nothing but a name", spec: {}, echo: { ingress: {} } },
];
