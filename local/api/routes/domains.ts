import {
  createDomain,
  createRecord,
  DomainAsk,
  deleteDomain,
  deleteRecord,
  listDomains,
  listRecords,
  RecordAsk,
  RecordChange,
  readDomain,
  readRecord,
  updateRecord,
} from "../../cloud/network/domains.ts";
import { created, noContent, ok, page, type Request } from "../request.ts";
import type { Routes } from "../router.ts";

const domain = ({ params }: Request) => params.domain_name!;
const record = ({ params }: Request) => params.domain_record_id!;
const wanted = ({ query }: Request) => ({ type: query.get("type") ?? undefined, name: query.get("name") ?? undefined });
const change = (r: Request) => ok({ domain_record: updateRecord(r.cloud, domain(r), record(r), r.body(RecordChange)) });

export const domainRoutes: Routes = {
  "GET /v2/domains": (r) => page(r, "domains", listDomains(r.cloud)),
  "POST /v2/domains": (r) => created({ domain: createDomain(r.cloud, r.body(DomainAsk)) }),
  "GET /v2/domains/{domain_name}": (r) => ok({ domain: readDomain(r.cloud, domain(r)) }),
  "DELETE /v2/domains/{domain_name}": (r) => {
    deleteDomain(r.cloud, domain(r));
    return noContent;
  },
  "GET /v2/domains/{domain_name}/records": (r) => page(r, "domain_records", listRecords(r.cloud, domain(r), wanted(r))),
  "POST /v2/domains/{domain_name}/records": (r) => created({ domain_record: createRecord(r.cloud, domain(r), r.body(RecordAsk)) }),
  "GET /v2/domains/{domain_name}/records/{domain_record_id}": (r) => ok({ domain_record: readRecord(r.cloud, domain(r), record(r)) }),
  "PUT /v2/domains/{domain_name}/records/{domain_record_id}": change,
  "PATCH /v2/domains/{domain_name}/records/{domain_record_id}": change,
  "DELETE /v2/domains/{domain_name}/records/{domain_record_id}": (r) => {
    deleteRecord(r.cloud, domain(r), record(r));
    return noContent;
  },
};
