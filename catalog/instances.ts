/**
 * Instance sizes of App Platform components.
 *
 * Source: github.com/digitalocean/openapi, commit 7c1300c (2026-08-07): the example of GET /v2/apps/tiers/instance_sizes and the enum of an
 * instance's size. Autoscaling requires a dedicated CPU (App Platform's limits page), which the API calls `scalable`.
 */

export interface InstanceSize {
  readonly slug: string;
  readonly cpu: "shared" | "dedicated";
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly autoscaling: boolean;
  /** A plan for one instance: DigitalOcean refuses a second one. */
  readonly single: boolean;
  /** Outbound transfer that each instance includes. */
  readonly bandwidthGiB: number;
}

const SINGLE = ["apps-s-1vcpu-0.5gb", "apps-s-1vcpu-1gb-fixed"];

const BANDWIDTH_GIB: Readonly<Record<string, number>> = {
  "apps-s-1vcpu-0.5gb": 50,
  "apps-s-1vcpu-1gb-fixed": 100,
  "apps-s-1vcpu-1gb": 150,
  "apps-s-1vcpu-2gb": 200,
  "apps-s-2vcpu-4gb": 250,
  "apps-d-1vcpu-0.5gb": 100,
  "apps-d-1vcpu-1gb": 200,
  "apps-d-1vcpu-2gb": 300,
  "apps-d-1vcpu-4gb": 400,
  "apps-d-2vcpu-4gb": 500,
  "apps-d-2vcpu-8gb": 600,
  "apps-d-4vcpu-8gb": 700,
  "apps-d-4vcpu-16gb": 800,
  "apps-d-8vcpu-32gb": 900,
};

export const INSTANCE_SIZES: readonly InstanceSize[] = Object.entries(BANDWIDTH_GIB).map(([slug, bandwidthGiB]) => {
  const [, kind, cpus, gigabytes] = /-([sd])-(\d+)vcpu-([\d.]+)gb/.exec(slug) ?? [];
  const cpu = kind === "d" ? "dedicated" : "shared";
  return {
    slug,
    cpu,
    cpus: Number(cpus),
    memoryMiB: Number(gigabytes) * 1024,
    autoscaling: cpu === "dedicated",
    single: SINGLE.includes(slug),
    bandwidthGiB,
  };
});

/** What App Platform uses for a component that names no size. */
export const DEFAULT_INSTANCE_SIZE = "apps-s-1vcpu-0.5gb";

/** Slugs of legacy plans. The API still accepts them, and its documentation says not to use them. */
export const LEGACY_INSTANCE_SIZES: readonly string[] = [
  "basic-xxs",
  "basic-xs",
  "basic-s",
  "basic-m",
  "professional-xs",
  "professional-s",
  "professional-m",
  "professional-1l",
  "professional-l",
  "professional-xl",
];

export function findInstance(slug: string): InstanceSize | undefined {
  return INSTANCE_SIZES.find((size) => size.slug === slug);
}

/** @throws {RangeError} for an unknown slug, which settings have refused before */
export function instanceSize(slug: string): InstanceSize {
  const size = findInstance(slug);
  if (size === undefined) throw new RangeError(`No App Platform instance size is called "${slug}".`);
  return size;
}

export function instanceSlugs(usable: (size: InstanceSize) => boolean = () => true): string[] {
  return INSTANCE_SIZES.filter(usable).map(({ slug }) => slug);
}

export function isLegacyInstance(slug: string): boolean {
  return LEGACY_INSTANCE_SIZES.includes(slug);
}
