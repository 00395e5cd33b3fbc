/** App Platform's regions in the API's form. */
import { APP_REGIONS } from "../../../catalog/regions.ts";

export const APP_REGION_VIEWS = APP_REGIONS.map(({ slug, city, country, continent, dataCenters }) => ({
  slug,
  label: city,
  flag: country,
  continent,
  data_centers: dataCenters,
  ...(slug === "nyc" && { default: true as const }),
}));
