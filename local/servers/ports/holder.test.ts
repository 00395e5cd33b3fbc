import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, expect, it } from "vitest";
import { describePortHolder, findPortHolder } from "./holder.ts";

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

it.each(["127.0.0.1", "::"])("names the process that listens on a port of %s, and none after the port is closed", async (host) => {
  const server = createServer().listen(0, host);
  open.push(server);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  expect(findPortHolder(port)).toMatchObject({ pid: process.pid, command: expect.stringContaining("node") });
  expect(describePortHolder(port)).toMatch(new RegExp(`^process ${process.pid} \\(.*node.*\\)$`));
  server.close();
  await once(server, "close");
  expect(findPortHolder(port)).toBeUndefined();
  expect(describePortHolder(port)).toBe("another process");
});
