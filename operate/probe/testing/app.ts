/** An app that keeps notes in memory, and makes the mistakes that a test asks for. */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Traffic } from "../../../systems/verification.ts";

export const TOKEN = "a-token";

export const TRAFFIC: Traffic = {
  create: { method: "POST", path: "/notes", body: { title: "slipway probe", text: "{token}" }, id: "note.id" },
  read: { path: "/notes/{id}", token: "note.text" },
  update: { method: "PATCH", path: "/notes/{id}", body: { text: "{token}" } },
  remove: { method: "DELETE", path: "/notes/{id}" },
};

interface Note {
  readonly id: string;
  text: string;
}

export interface NotesApp {
  readonly url: string;
  readonly notes: Map<string, Note>;
  /** Called with each request. @returns a status to answer with instead; "drop" to close the connection */
  mistake: (method: string, note: Note | undefined, body: { text?: string }) => number | "drop" | undefined;
  close(): Promise<void>;
}

export async function startNotesApp(): Promise<NotesApp> {
  const notes = new Map<string, Note>();
  const server = createServer(async (request, response) => {
    const { status, body } = await answer(request);
    if (status === "drop") return void response.destroy();
    response.writeHead(status, { "content-type": "application/json" }).end(body === undefined ? "" : JSON.stringify(body));
  });
  async function answer(request: IncomingMessage): Promise<{ readonly status: number | "drop"; readonly body?: object }> {
    const body = JSON.parse((await text(request)) || "{}") as { text?: string };
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return { status: 401 };
    const id = request.url!.split("/")[2];
    const note = notes.get(id ?? "");
    const wrong = app.mistake(request.method!, note, body);
    if (wrong !== undefined) return { status: wrong };
    if (request.method === "POST") {
      const created = { id: randomUUID(), text: body.text! };
      notes.set(created.id, created);
      return { status: 201, body: { note: created } };
    }
    if (note === undefined) return { status: 404 };
    if (request.method === "PATCH") note.text = body.text!;
    if (request.method === "DELETE") notes.delete(note.id);
    return request.method === "DELETE" ? { status: 204 } : { status: 200, body: { note } };
  }
  const app: NotesApp = {
    ...{ url: "", notes, mistake: () => undefined },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(app, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}
