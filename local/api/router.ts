import type { Reply, Request } from "./request.ts";

/** Handlers by route, such as `"GET /v2/vpcs/{vpc_id}"`. Parameter names are those of DigitalOcean's API document. */
export type Routes = Readonly<Record<string, (request: Request) => Reply | Promise<Reply>>>;

interface Route {
  readonly method: string;
  readonly segments: readonly string[];
  readonly name: string;
  readonly handle: (request: Request) => Reply | Promise<Reply>;
}

export interface MatchedRoute extends Pick<Route, "name" | "handle"> {
  readonly params: Readonly<Record<string, string>>;
}

export type Lookup = { readonly found: MatchedRoute } | { readonly allowed: readonly string[] };

/** Looks up routes with the same number of segments. If two match, the one with the earlier literal segment wins. */
export function createRouter(routes: Routes): (method: string, path: string) => Lookup {
  const byLength = new Map<number, Route[]>();
  for (const [name, handle] of Object.entries(routes)) {
    const [method = "", path = ""] = name.split(" ");
    const segments = segmentsOf(path);
    byLength.set(segments.length, [...(byLength.get(segments.length) ?? []), { method, segments, name, handle }]);
  }
  for (const list of byLength.values()) list.sort((one, other) => specificity(one).localeCompare(specificity(other)));

  return (method, path) => {
    const segments = segmentsOf(path);
    const candidates = (byLength.get(segments.length) ?? []).filter((route) => matches(route, segments));
    const route = candidates.find((route) => route.method === method);
    if (!route) return { allowed: [...new Set(candidates.map((route) => route.method))] };
    return { found: { name: route.name, handle: route.handle, params: paramsOf(route, segments) } };
  };
}

/** Ignores trailing slashes. */
const segmentsOf = (path: string): string[] => path.replace(/\/+$/, "").split("/").slice(1);

const isParameter = (segment: string): boolean => segment.startsWith("{");
const specificity = ({ segments }: Route): string => segments.map((segment) => (isParameter(segment) ? "1" : "0")).join("");
const matches = (route: Route, segments: readonly string[]): boolean =>
  route.segments.every((segment, index) => (isParameter(segment) ? segments[index] !== "" : segment === segments[index]));

const paramsOf = (route: Route, segments: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    route.segments.flatMap((segment, index) => (isParameter(segment) ? [[segment.slice(1, -1), decode(segments[index]!)]] : [])),
  );

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
