/** What `up` says while it works: one line that changes for a person, a line for each change where nobody watches. */
import type { RealizeEvent } from "../engine/realize.ts";
import type { DownloadProgress } from "../local/servers/packages/packages.ts";
import { shortType } from "./local-text.ts";
import type { Terminal } from "./terminal.ts";

export interface ProgressLine {
  stage(text: string): void;
  /** Programs that are missing on this machine arrive. */
  fetch(arrived: DownloadProgress): void;
  event(event: RealizeEvent): void;
  end(): void;
}

const DONE_WORDS = { create: "made", update: "changed", replace: "replaced", delete: "deleted" } as const;

export function progressOn({ say, columns }: Terminal, stream: NodeJS.WriteStream = process.stderr): ProgressLine {
  const live = stream.isTTY === true;
  const underWay = new Map<string, string>();
  let stage = "";
  let count = 0;
  let fetching = false;

  const draw = () => {
    if (!live) return;
    const doing = [...underWay.values()].at(-1) ?? "";
    stream.write(`\r\x1b[2K${`${stage}  ${count > 0 ? `${count}  ` : ""}${doing}`.slice(0, columns - 1)}`);
  };
  return {
    stage(text) {
      stage = text;
      draw();
    },
    fetch({ what, bytes, of }) {
      if (!live && !fetching) say("fetching Valkey and PgBouncer, once on this machine");
      fetching = true;
      stage = `fetching Valkey and PgBouncer, once: ${what}, ${megabytes(bytes)}${of === undefined ? "" : ` of ${megabytes(of)}`} MB`;
      draw();
    },
    event({ phase, change, urn, type, name, changedInputs = [] }) {
      if (phase === "begin") underWay.set(urn, `${shortType(type)} ${name}`);
      else {
        underWay.delete(urn);
        count++;
        const why = changedInputs.length > 0 ? ` (${changedInputs.join(", ")})` : "";
        if (!live && change !== "same") say(`${DONE_WORDS[change].padEnd(8)} ${shortType(type)} ${name}${why}`);
      }
      draw();
    },
    end() {
      if (live) stream.write("\r\x1b[2K");
    },
  };
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
