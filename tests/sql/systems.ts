import { candlefish } from "../../systems/candlefish.ts";
import type { RoleKind } from "../../systems/definition.ts";
import { devx } from "../../systems/devx.ts";
import { fluxstudio } from "../../systems/fluxstudio.ts";

export type { RoleKind };
export const systems = { fluxstudio, devx, candlefish };
