import { API } from "./pages.ts";
import { runPages } from "./run.ts";

runPages(API, { withPlatform: false });
