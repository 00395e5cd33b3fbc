import { OTHERS } from "./pages.ts";
import { runPages } from "./run.ts";

runPages(OTHERS, { withPlatform: false });
