/**
 * What an App Platform component can run on.
 *
 * Source: github.com/digitalocean/openapi, commit 7c1300c (2026-08-07): the example of GET /v2/apps/tiers/instance_sizes and the enum of an
 * instance's size. Autoscaling needs a dedicated CPU (App Platform's limits page), which is what the API calls `scalable`.
 */

export interface InstanceSize {
  readonly slug: string;
  readonly cpu: "shared" | "dedicated";
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly autoscaling: boolean;
  /** A plan for one instance: a second one is refused. */
  readonly single: boolean;
}

const SINGLE = ["apps-s-1vcpu-0.5gb", "apps-s-1vcpu-1gb-fixed"];

const INSTANCE_SIZES: readonly InstanceSize[] = [
  ...SINGLE,
  ...["apps-s-1vcpu-1gb", "apps-s-1vcpu-2gb", "apps-s-2vcpu-4gb"],
  ...["apps-d-1vcpu-0.5gb", "apps-d-1vcpu-1gb", "apps-d-1vcpu-2gb", "apps-d-1vcpu-4gb", "apps-d-2vcpu-4gb", "apps-d-2vcpu-8gb"],
  ...["apps-d-4vcpu-8gb", "apps-d-4vcpu-16gb", "apps-d-8vcpu-32gb"],
].map((slug) => {
  const [, kind, cpus, gigabytes] = /^apps-([sd])-(\d+)vcpu-([\d.]+)gb/.exec(slug) ?? [];
  const cpu = kind === "d" ? "dedicated" : "shared";
  return {
    slug,
    cpu,
    cpus: Number(cpus),
    memoryMiB: Number(gigabytes) * 1024,
    autoscaling: cpu === "dedicated",
    single: SINGLE.includes(slug),
  };
});

/** Slugs of legacy plans: the API still takes them and asks everybody not to. */
const OLD = [
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

/** For slugs that have been checked: an unknown one is a mistake of ours. */
export function instanceSize(slug: string): InstanceSize {
  const size = findInstance(slug);
  if (size === undefined) throw new RangeError(`No App Platform instance size is called "${slug}".`);
  return size;
}

export function instanceSlugs(usable: (size: InstanceSize) => boolean = () => true): string[] {
  return INSTANCE_SIZES.filter(usable).map(({ slug }) => slug);
}

export function isOldInstance(slug: string): boolean {
  return OLD.includes(slug);
}
