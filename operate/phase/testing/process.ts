/** A change of phase in a process of its own, which kills itself before the step with a given number. Prints the number of steps. */

import type { Phase } from "../../../settings/settings.ts";
import { changePhase } from "../change.ts";
import { phaseSubject } from "./subject.ts";

const [folder, to, killAt] = process.argv.slice(2);
let step = 0;
const onStep = () => {
  if (String(++step) === killAt) process.kill(process.pid, "SIGKILL");
};
await changePhase(phaseSubject(folder!, { onStep }), {
  ...{ direction: "next", to: to as Phase, force: ["validations", "backup"], reason: "a test of interruptions", waitMs: 0, report: onStep },
});
onStep();
console.log(step);
