/** App Platform's regions and instance sizes, from the examples in DigitalOcean's OpenAPI document (2026-08-07). */
export interface AppRegion {
  readonly slug: string;
  readonly label: string;
  readonly flag: string;
  readonly continent: string;
  readonly data_centers: readonly string[];
  readonly default?: true;
}

const appRegion = (slug: string, label: string, flag: string, continent: string, ...data_centers: string[]): AppRegion => ({
  slug,
  label,
  flag,
  continent,
  data_centers,
  ...(slug === "nyc" && { default: true }),
});

export const APP_REGIONS: readonly AppRegion[] = [
  appRegion("ams", "Amsterdam", "netherlands", "Europe", "ams3"),
  appRegion("atl", "Atlanta", "usa", "North America", "atl1"),
  appRegion("nyc", "New York", "usa", "North America", "nyc1", "nyc3"),
  appRegion("fra", "Frankfurt", "germany", "Europe", "fra1"),
  appRegion("sfo", "San Francisco", "usa", "North America", "sfo3"),
  appRegion("sgp", "Singapore", "singapore", "Asia", "sgp1"),
  appRegion("blr", "Bangalore", "india", "Asia", "blr1"),
  appRegion("tor", "Toronto", "canada", "North America", "tor1"),
  appRegion("lon", "London", "uk", "Europe", "lon1"),
  appRegion("syd", "Sydney", "australia", "Australia", "syd1"),
];

/** Accepts an App Platform region or a datacenter in it. */
export const findAppRegion = (name: string): AppRegion | undefined =>
  APP_REGIONS.find(({ slug, data_centers }) => slug === name || data_centers.includes(name));

export interface AppSize {
  readonly slug: string;
  readonly cpus: number;
  readonly memoryGib: number;
  readonly usdPerMonth: number;
  readonly bandwidthGib: number;
  readonly dedicated: boolean;
  /** The two smallest shared sizes cannot be scaled out. */
  readonly singleInstance: boolean;
}

const appSize = (slug: string, usdPerMonth: number, bandwidthGib: number): AppSize => {
  const [, cpus, memory] = /(\d+)vcpu-([\d.]+)gb/.exec(slug) ?? [];
  return {
    slug,
    cpus: Number(cpus),
    memoryGib: Number(memory),
    usdPerMonth,
    bandwidthGib,
    dedicated: slug.startsWith("apps-d-"),
    singleInstance: slug === "apps-s-1vcpu-0.5gb" || slug === "apps-s-1vcpu-1gb-fixed",
  };
};

export const APP_SIZES: readonly AppSize[] = [
  appSize("apps-s-1vcpu-0.5gb", 5, 50),
  appSize("apps-s-1vcpu-1gb-fixed", 10, 100),
  appSize("apps-s-1vcpu-1gb", 12, 150),
  appSize("apps-s-1vcpu-2gb", 25, 200),
  appSize("apps-s-2vcpu-4gb", 50, 250),
  appSize("apps-d-1vcpu-0.5gb", 29, 100),
  appSize("apps-d-1vcpu-1gb", 34, 200),
  appSize("apps-d-1vcpu-2gb", 39, 300),
  appSize("apps-d-1vcpu-4gb", 49, 400),
  appSize("apps-d-2vcpu-4gb", 78, 500),
  appSize("apps-d-2vcpu-8gb", 98, 600),
  appSize("apps-d-4vcpu-8gb", 156, 700),
  appSize("apps-d-4vcpu-16gb", 196, 800),
  appSize("apps-d-8vcpu-32gb", 392, 900),
];

/** The size of a component that declares none. */
export const DEFAULT_APP_SIZE = "apps-s-1vcpu-0.5gb";

/** Slugs from before 2024, which a spec may still contain. */
export const OLD_APP_SIZES = [
  "basic-xxs basic-xs basic-s basic-m",
  "professional-xs professional-s professional-m professional-1l professional-l professional-xl",
].flatMap((line) => line.split(" "));
