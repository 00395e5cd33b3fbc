/** Parses a stack's name in Pulumi's notations. */
import { ProjectError } from "./projecterror.ts";

export interface StackName {
  readonly stack: string;
  readonly organization?: string;
}

const PART = /^[A-Za-z0-9_.-]{1,100}$/;

/**
 * @param name "prod", "organization/prod" or "organization/project/prod".
 * @throws {ProjectError} for a name that must not become part of a file's path.
 */
export function stackName(name: string, project: string): StackName {
  const parts = name.split("/");
  if (parts.length > 3 || !parts.every(isPart)) {
    throw new ProjectError(
      `${JSON.stringify(name)} is not a stack name. Allowed: 1 to 100 letters, digits, "_", "-" and ".", alone or after its organization and project: ` +
        `prod, organization/prod, organization/${project}/prod.`,
    );
  }
  const [stack = "", of] = parts.toReversed();
  if (parts.length === 3 && of !== project) {
    throw new ProjectError(
      `"${name}" is a stack of project "${of}", but Pulumi.yaml belongs to "${project}". Use ${parts[0]}/${project}/${stack}, or another project with --cwd.`,
    );
  }
  return parts.length === 1 ? { stack } : { stack, organization: parts[0]! };
}

function isPart(part: string): boolean {
  return PART.test(part) && !/^\.+$/.test(part);
}
