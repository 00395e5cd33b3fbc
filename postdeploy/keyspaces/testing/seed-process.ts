/** Seeds in a separate process, which tests kill. */
import { seed } from "../seed/seed.ts";

await seed(JSON.parse(process.env.SEED_OPTIONS ?? ""));
