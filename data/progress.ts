/** Steps of a run, for its progress. */
export type Progress =
  | { readonly kind: "read"; readonly bytes: number; readonly of: number }
  | { readonly kind: "check" }
  | { readonly kind: "write"; readonly entity: string; readonly rows: number }
  | { readonly kind: "compare" | "export"; readonly entity: string };
