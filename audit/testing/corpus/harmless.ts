/** Edits that must have no finding. */

export interface Harmless {
  readonly name: string;
  /** Variables of the service. */
  readonly envs?: string;
  /** Statements of the program. */
  readonly code?: string;
}

export const HARMLESS: readonly Harmless[] = [];

export function harmlessProgram({ envs = "", code = "" }: Harmless): string {
  return `import * as pulumi from "@pulumi/pulumi";
export default function program() {
  ${envs}${code}
}
`;
}
