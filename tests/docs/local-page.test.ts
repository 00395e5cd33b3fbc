import { LOCAL } from "./pages.ts";
import { runPages } from "./run.ts";

runPages(LOCAL, { withPlatform: false });
