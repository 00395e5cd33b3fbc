/** The systems of this repository. A new one is a file and one line here. */
import { candlefish } from "./candlefish.ts";
import type { System } from "./definition.ts";
import { devx } from "./devx.ts";
import { fluxstudio } from "./fluxstudio.ts";

export const systems: readonly System[] = [fluxstudio, devx, candlefish];
