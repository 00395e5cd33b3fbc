import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { ApiError } from "../../cloud/core/api-error.ts";
import type { Cloud } from "../../cloud/open-cloud.ts";
import { mayManage, mayRead, mayWrite, type SpacesKey } from "../../cloud/spaces/spaces-keys.ts";
import type { Address } from "./address.ts";
import type { Element } from "./xml.ts";

export interface SpacesRequest {
  readonly cloud: Cloud;
  readonly message: IncomingMessage;
  readonly address: Address;
  /** Undefined for an unsigned request. */
  readonly signer: Pick<SpacesKey, "grants"> | undefined;
}

export interface SpacesReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly xml?: Element;
  readonly content?: Readable;
}

/** `permission` is what the signing key needs. The ACL `public-read` of an object or bucket also grants `read`. */
export interface Action {
  readonly permission: Permission;
  readonly run: (request: SpacesRequest) => SpacesReply | Promise<SpacesReply>;
}

/** Actions by method and subresource, such as `"PUT ?acl"`. */
export type Actions = Readonly<Record<string, Action>>;

export type Permission = "read" | "write" | "manage";
type Signer = Pick<SpacesKey, "grants">;

const CHECKS: Readonly<Record<Permission, (key: Signer, bucket: string) => boolean>> = {
  read: mayRead,
  write: mayWrite,
  manage: mayManage,
};

export const isAllowed = (permission: Permission, signer: Signer | undefined, bucket: string): boolean =>
  signer !== undefined && CHECKS[permission](signer, bucket);

export const accessDenied = () => new ApiError(403, "AccessDenied", "Access Denied");
