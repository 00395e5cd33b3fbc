/**
 * What the SDK is answered for each resource: objects with the getters that it reads, as it makes them itself where no engine is.
 * Real protocol messages cost a tenth of a recorded run, because the SDK prints each into a debug message that nobody hears.
 */
import type { WireProperties } from "./wire.ts";

interface State {
  toJavaScript(): WireProperties;
}

export interface Registered {
  getUrn(): string;
  getId(): string;
  getObject(): State;
  getPropertydependenciesMap(): undefined;
  getResult(): number;
  getUnknown(): boolean;
}

export interface Read {
  getUrn(): string;
  getProperties(): State;
  getUnknown(): boolean;
}

export function registeredAs(urn: string, id: string, state: WireProperties): Registered {
  return {
    getUrn: () => urn,
    getId: () => id,
    getObject: () => ({ toJavaScript: () => state }),
    getPropertydependenciesMap: () => undefined,
    getResult: () => 0,
    getUnknown: () => false,
  };
}

export function readAs(urn: string, state: WireProperties): Read {
  return { getUrn: () => urn, getProperties: () => ({ toJavaScript: () => state }), getUnknown: () => false };
}
