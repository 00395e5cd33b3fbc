import {
  createTag,
  deleteTag,
  listTags,
  readTag,
  TagAsk,
  TagResourcesAsk,
  tagResources,
  untagResources,
} from "../../cloud/account/tags.ts";
import {
  createVpc,
  deleteVpc,
  listMembers,
  listVpcs,
  readVpc,
  updateVpc,
  VpcAsk,
  VpcChange,
  VpcReplacement,
} from "../../cloud/network/vpcs.ts";
import { created, noContent, ok, page, type Request } from "../request.ts";
import type { Routes } from "../router.ts";

const vpc = ({ params }: Request) => params.vpc_id!;
const tag = ({ params }: Request) => params.tag_id!;

export const networkRoutes: Routes = {
  "GET /v2/vpcs": (r) => page(r, "vpcs", listVpcs(r.cloud)),
  "POST /v2/vpcs": (r) => created({ vpc: createVpc(r.cloud, r.body(VpcAsk)) }),
  "GET /v2/vpcs/{vpc_id}": (r) => ok({ vpc: readVpc(r.cloud, vpc(r)) }),
  "PUT /v2/vpcs/{vpc_id}": (r) => ok({ vpc: updateVpc(r.cloud, vpc(r), r.body(VpcReplacement)) }),
  "PATCH /v2/vpcs/{vpc_id}": (r) => ok({ vpc: updateVpc(r.cloud, vpc(r), r.body(VpcChange)) }),
  "DELETE /v2/vpcs/{vpc_id}": (r) => {
    deleteVpc(r.cloud, vpc(r));
    return noContent;
  },
  "GET /v2/vpcs/{vpc_id}/members": (r) => page(r, "members", listMembers(r.cloud, vpc(r), r.query.get("resource_type") ?? undefined)),

  "GET /v2/tags": (r) => page(r, "tags", listTags(r.cloud)),
  "POST /v2/tags": (r) => created({ tag: createTag(r.cloud, r.body(TagAsk)) }),
  "GET /v2/tags/{tag_id}": (r) => ok({ tag: readTag(r.cloud, tag(r)) }),
  "DELETE /v2/tags/{tag_id}": (r) => {
    deleteTag(r.cloud, tag(r));
    return noContent;
  },
  "POST /v2/tags/{tag_id}/resources": (r) => {
    tagResources(r.cloud, tag(r), r.body(TagResourcesAsk));
    return noContent;
  },
  "DELETE /v2/tags/{tag_id}/resources": (r) => {
    untagResources(r.cloud, tag(r), r.body(TagResourcesAsk));
    return noContent;
  },
};
