/**
 * The program of a placeholder service: a process with exactly the variables that the spec gives a component. It connects to the databases that
 * these variables contain and serves its health, or for a job checks it once. It exits when its stdin closes, that is with its parent process.
 */
import module from "node:module";

// Many of these start at the same time; only the first start on a machine compiles the code.
module.enableCompileCache();
await import("./program.ts");
