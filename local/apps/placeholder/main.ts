/**
 * The program of a stand-in: a process with exactly the variables that the spec gives a component. It connects as that component would and
 * serves its health, or for a job checks it once. It ends with the process that started it, whose end it learns of by the pipe between them.
 */
import module from "node:module";

// Several of these start at once, each on its own: the second start of any of them compiles nothing.
module.enableCompileCache();
await import("./program.ts");
