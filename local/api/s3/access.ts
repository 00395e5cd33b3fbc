import { ApiError } from "../../cloud/core/api-error.ts";
import { mayManage, mayRead, mayWrite, type SpacesKey } from "../../cloud/spaces/spaces-keys.ts";

export type Need = "read" | "write" | "manage";
type Signer = Pick<SpacesKey, "grants">;

const MAY: Readonly<Record<Need, (key: Signer, bucket: string) => boolean>> = { read: mayRead, write: mayWrite, manage: mayManage };

export const allowed = (needs: Need, signer: Signer | undefined, bucket: string): boolean =>
  signer !== undefined && MAY[needs](signer, bucket);

export const denied = () => new ApiError(403, "AccessDenied", "Access Denied");
