import { DATABASES } from "./pages.ts";
import { runPages } from "./run.ts";

runPages(DATABASES, { withPlatform: true });
