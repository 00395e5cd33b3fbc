/** Progress of `slipway local up`: on a terminal one line that is rewritten, elsewhere a line for each change. */

import type { RealizeEvent } from "../../engine/realize.ts";
import { shortType } from "../../engine/urn.ts";
import type { DownloadProgress } from "../../local/servers/packages/packages.ts";
import type { Terminal } from "../shared/terminal.ts";
import { truncate } from "../shared/width.ts";

export interface ProgressLine {
  stage(text: string): void;
  /** Reports the download of servers that this machine does not have. */
  fetch(arrived: DownloadProgress): void;
  event(event: RealizeEvent): void;
  end(): void;
}

const DONE_WORDS = { create: "created", update: "updated", replace: "replaced", delete: "deleted" } as const;

export function openProgress({ log, columns }: Terminal, stream: NodeJS.WriteStream = process.stderr): ProgressLine {
  const live = stream.isTTY === true;
  const underWay = new Map<string, string>();
  let stage = "";
  let count = 0;
  let fetching = false;

  const draw = () => {
    if (!live) return;
    const doing = [...underWay.values()].at(-1) ?? "";
    stream.write(`\r\x1b[2K${truncate(`${stage}  ${count > 0 ? `${count}  ` : ""}${doing}`, columns - 1)}`);
  };
  return {
    stage(text) {
      stage = text;
      draw();
    },
    fetch({ what, bytes, of }) {
      if (!live && !fetching) log("downloading Valkey and PgBouncer, once for this machine");
      fetching = true;
      stage = `downloading Valkey and PgBouncer, once: ${what}, ${megabytes(bytes)}${of === undefined ? "" : ` of ${megabytes(of)}`} MB`;
      draw();
    },
    event({ phase, change, urn, type, name, changedInputs = [] }) {
      if (phase === "begin") underWay.set(urn, `${shortType(type)} ${name}`);
      else {
        underWay.delete(urn);
        count++;
        const why = changedInputs.length > 0 ? ` (${changedInputs.join(", ")})` : "";
        if (!live && change !== "same") log(`${DONE_WORDS[change].padEnd(8)} ${shortType(type)} ${name}${why}`);
      }
      draw();
    },
    end() {
      if (live) stream.write("\r\x1b[2K");
    },
  };
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
