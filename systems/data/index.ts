/** The mappings of this repository, by system. A new one is a file and one line here. */
import { checkMapping } from "./check.ts";
import { fluxstudio } from "./fluxstudio.ts";
import type { DataMapping } from "./mapping.ts";

export const dataMappings: Readonly<Record<string, DataMapping>> = { fluxstudio: checkMapping("fluxstudio", fluxstudio) };
