/** A seeder in a process of its own, to be killed. */
import { seed } from "../seed/seed.ts";

await seed(JSON.parse(process.env.SEED_OPTIONS ?? ""));
