import {
  createSpacesKey,
  deleteSpacesKey,
  listSpacesKeys,
  readSpacesKey,
  SpacesKeyAsk,
  SpacesKeyChange,
  updateSpacesKey,
} from "../../cloud/spaces/spaces-keys.ts";
import { created, noContent, ok, page, type Request } from "../request.ts";
import type { Routes } from "../router.ts";

const key = ({ params }: Request) => params.access_key!;
const wanted = ({ query }: Request) => ({ name: query.get("name") ?? undefined, bucket: query.get("bucket") ?? undefined });
const change = (r: Request) => ok({ key: updateSpacesKey(r.cloud, key(r), r.body(SpacesKeyChange)) });

export const spacesKeyRoutes: Routes = {
  "GET /v2/spaces/keys": (r) => page(r, "keys", listSpacesKeys(r.cloud, wanted(r))),
  "POST /v2/spaces/keys": (r) => created({ key: createSpacesKey(r.cloud, r.body(SpacesKeyAsk)) }),
  "GET /v2/spaces/keys/{access_key}": (r) => ok({ key: readSpacesKey(r.cloud, key(r)) }),
  "PUT /v2/spaces/keys/{access_key}": change,
  "PATCH /v2/spaces/keys/{access_key}": change,
  "DELETE /v2/spaces/keys/{access_key}": (r) => {
    deleteSpacesKey(r.cloud, key(r));
    return noContent;
  },
};
