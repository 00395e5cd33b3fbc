/** A cluster is paid by its nodes, and by the disk above what comes with them. */
import { findNode } from "../../catalog/nodes.ts";
import { EXTRA_STORAGE_GIB, nodePrice } from "../../catalog/prices.ts";
import { bare, number, type Priced, price, text } from "./line.ts";

export const clusterLines: Priced = ({ inputs }) => {
  const engine = text(bare(inputs.engine), "?");
  const size = text(bare(inputs.size), "?");
  const nodes = number(bare(inputs.nodeCount), 1);
  const what = `${nodes ?? "?"} × ${size} (${engine})`;
  return [
    { what, ...(nodes === undefined ? {} : price("databases", nodePrice(engine, size), nodes)) },
    ...extraStorage(inputs.storageSizeMib, size),
  ];
};

/** Only Postgres has replicas here. Without a size of its own a replica takes its cluster's, which its inputs do not tell. */
export const replicaLines: Priced = ({ inputs }) => {
  const size = text(bare(inputs.size), "its cluster's size");
  return [
    { what: `replica, 1 × ${size} (pg)`, ...price("databases", nodePrice("pg", size)) },
    ...extraStorage(inputs.storageSizeMib, size),
  ];
};

function extraStorage(given: Parameters<typeof bare>[0], size: string): ReturnType<Priced> {
  const mebibytes = bare(given);
  if (typeof mebibytes !== "string" && typeof mebibytes !== "number") return [];
  const gibibytes = Number(mebibytes) / 1024;
  const included = findNode(size)?.diskGiB;
  if (included === undefined) return [{ of: "disk", what: `${gibibytes} GiB` }];
  const extra = gibibytes - included;
  return extra > 0
    ? [{ of: "disk", what: `${extra} GiB more than the ${included} GiB of its size`, ...price("databases", EXTRA_STORAGE_GIB, extra) }]
    : [];
}
