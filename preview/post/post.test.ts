import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { marker } from "../../report/markdown/review.ts";
import type { Review } from "../../report/review.ts";
import { dangerous, HEAD, PROJECT, quiet } from "../../report/testing/samples.ts";
import { type GitHubServer, REPOSITORY, startGitHub } from "../testing/github-server.ts";
import { github } from "./github.ts";
import { post } from "./post.ts";

const BOT = "github-actions[bot]";
const MARKER = marker(PROJECT);
const json = (review: Review) => JSON.stringify(review);

let hub: GitHubServer;
beforeEach(async () => {
  hub = await startGitHub();
});
afterEach(() => hub[Symbol.asyncDispose]());

const posted = (review: string | undefined = json(dangerous), changes: Record<string, string | undefined> = {}) =>
  post(PROJECT, review, hub.env("pull_request_target", changes));

describe("a comment under a pull request", () => {
  it("is created once and then updated, also for a fork", async () => {
    expect(await posted()).toMatchObject({ pull: 7, what: "written", url: expect.stringContaining("#issuecomment-1000") });
    expect(await posted(json({ ...dangerous, risk: "care" }))).toMatchObject({ what: "updated" });
    expect(hub.comments.map(({ body }) => body.split("\n").slice(0, 2))).toEqual([[MARKER, "## `slipway`: care"]]);
  });

  it("is found among three hundred others", async () => {
    for (let count = 0; count < 150; count++) hub.say("reviewer", "looks good");
    const mine = hub.say(BOT, `${MARKER}\nold`);
    for (let count = 0; count < 150; count++) hub.say("reviewer", "still does");
    await posted();
    expect(hub.comments).toHaveLength(301);
    expect(mine.body).toContain("candlefish-postgres-cluster");
  });

  it("does not update a comment of another account, even with the same marker", async () => {
    const theirs = hub.say("stranger", `${MARKER}\n## nothing to see here`);
    const quoted = hub.say(BOT, `> ${MARKER}\nanother tool of the same account`);
    const gone = hub.say("ghost", `${MARKER}\n`);
    gone.user = null;
    expect(await posted()).toMatchObject({ what: "written" });
    expect([theirs.body, quoted.body]).toEqual([`${MARKER}\n## nothing to see here`, `> ${MARKER}\nanother tool of the same account`]);
  });

  it("exists once for each project", async () => {
    const other = hub.say(BOT, `${marker("other")}\nof another project`);
    await posted();
    expect(other.body).toContain("of another project");
    expect(hub.comments).toHaveLength(2);
  });

  it("minimizes older ones of its own, and warns if that fails", async () => {
    const [first, second] = [hub.say(BOT, `${MARKER}\nfirst`), hub.say(BOT, `${MARKER}\nsecond`)];
    await posted();
    expect(second.body).toContain("danger");
    expect([first.body, hub.minimized]).toEqual([`${MARKER}\nfirst`, [first.node_id]]);
    hub.faults.push({ when: /graphql/, answer: { status: 200, body: { data: { viewer: { login: BOT } } } } });
    hub.faults.push({ when: /graphql/, answer: { status: 200, body: { errors: [{ message: "no" }] } } });
    expect((await posted())?.warnings).toEqual([`${first.html_url} is outdated, and could not be minimized: GitHub refused a query: no.`]);
  });

  it("is not created if nothing changes, but an existing one is updated", async () => {
    expect(await posted(json(quiet))).toMatchObject({ what: "not needed" });
    expect(hub.comments).toEqual([]);
    await posted();
    expect(await posted(json(quiet))).toMatchObject({ what: "updated" });
    expect(hub.comments[0]?.body).toMatch(/no changes/);
  });

  it("is shortened if the server accepts less than its documented limit", async () => {
    hub.longest = 35_000;
    const many = { ...dangerous, stacks: Array.from({ length: 20 }, (_, index) => ({ ...dangerous.stacks[2]!, stack: `stack-${index}` })) };
    await posted(json(many));
    expect(hub.comments[0]?.body.length).toBeGreaterThan(20_000);
    expect(hub.comments[0]?.body.length).toBeLessThan(30_000);
  });

  it("is also written to the step's summary", async () => {
    await posted();
    expect(readFileSync(hub.summary, "utf8")).toBe(hub.comments[0]?.body);
  });

  it("links to the run of the preview", async () => {
    await posted();
    expect(hub.comments[0]?.body).toContain(`[full report](https://github.example/${REPOSITORY}/actions/runs/42)`);
    await post(PROJECT, json(dangerous), hub.env("pull_request"));
    expect(hub.comments[0]?.body).toContain(`[full report](https://github.example/${REPOSITORY}/actions/runs/42)`);
  });
});

describe("a failure", () => {
  it("replaces the old comment, and names the commit whose changes are unknown", async () => {
    await posted();
    expect(await post(PROJECT, undefined, hub.env("pull_request_target"))).toMatchObject({ what: "updated" });
    expect(hub.comments.map(({ body }) => body)).toEqual([
      `${MARKER}\n## \`slipway\`: no preview\n\n> [!CAUTION]\n> **The changes of \`${HEAD.slice(0, 12)}\` are unknown.** The preview job produced no review. See the [log of the run](https://github.example/${REPOSITORY}/actions/runs/42).\n`,
    ]);
  });

  it.each([
    ["not JSON", "{", "The review is not JSON"],
    ["another document", "{}", "does not match its schema"],
    ["has an unknown field", json({ ...dangerous, post: "elsewhere" } as Review), "does not match its schema"],
    ["another project's", json({ ...dangerous, project: "other" }), "of another project than"],
    ["another commit's", json({ ...dangerous, head: { ...dangerous.head, commit: "f".repeat(40) } }), "of another commit than"],
    ["endless", `"${"x".repeat(5_000_001)}"`, "larger than 5,000,000 bytes"],
  ])("is posted for a review that is invalid: %s", async (_, text, why) => {
    await posted();
    const result = await posted(text);
    expect(result?.failure).toContain(why);
    expect(hub.comments).toHaveLength(1);
    expect(hub.comments[0]?.body).toContain(`**The changes of \`${HEAD.slice(0, 12)}\` are unknown.**`);
    expect(hub.comments[0]?.body).not.toContain("candlefish");
  });
});

describe("the pull request of a comment", () => {
  it("receives no comment if it has a newer commit or is closed", async () => {
    hub.head = "e".repeat(40);
    expect(await post(PROJECT, json(dangerous), hub.env("pull_request"))).toBeUndefined();
    expect(await posted()).toBeUndefined();
    hub.head = HEAD;
    hub.isClosed = true;
    expect(await posted()).toBeUndefined();
    expect(hub.comments).toEqual([]);
  });

  it("belongs to the repository of the event", async () => {
    await expect(posted(json(dangerous), { GITHUB_REPOSITORY: "stranger/slipway" })).rejects.toThrow(
      "The event is of acme/slipway, but GITHUB_REPOSITORY is stranger/slipway. No comment is posted to another repository.",
    );
    await expect(posted(json(dangerous), { GITHUB_REPOSITORY: "../../user" })).rejects.toThrow(
      'GITHUB_REPOSITORY is "../../user". Expected: owner/name.',
    );
    expect(hub.calls).toEqual([]);
  });

  it("is reached over https only, so that the token is never sent unencrypted", () => {
    expect(() => github({ repository: REPOSITORY, token: "t", api: "http://github.example" })).toThrow("It has to be https");
  });

  it.each([
    ["push", {}, 'The event "push" has no pull request'],
    ["pull_request_target", { pull_request: {} }, "GitHub's event is not valid"],
  ])("comes from the event of a pull request, not of %s", async (name, event, why) => {
    const env = hub.env("pull_request_target", { GITHUB_EVENT_NAME: name });
    writeFileSync(env.GITHUB_EVENT_PATH!, JSON.stringify(event));
    await expect(post(PROJECT, json(dangerous), env)).rejects.toThrow(why);
  });

  it.each([
    ["GITHUB_TOKEN", "GITHUB_TOKEN is not set. Add to the step"],
    ["GITHUB_REPOSITORY", "GITHUB_REPOSITORY is not set"],
    ["GITHUB_EVENT_PATH", "GITHUB_EVENT_PATH is not set"],
  ])("is unknown without %s", async (missing, why) => {
    await expect(posted(json(dangerous), { [missing]: undefined })).rejects.toThrow(why);
  });
});

describe("a refusal", () => {
  it("of a write names the missing permission and the setup for forks", async () => {
    hub.writable = false;
    await expect(posted()).rejects.toThrow(
      /Resource not accessible by integration.*"permissions: pull-requests: write".*job of pull_request_target/s,
    );
  });

  it("of the token names the token", async () => {
    await expect(posted(json(dangerous), { GITHUB_TOKEN: "wrong" })).rejects.toThrow("GITHUB_TOKEN is invalid or has expired");
  });

  it("of a missing page names the repository setting", async () => {
    hub.faults.push({ when: /comments/, answer: { status: 404, body: { message: "Not Found" } } });
    await expect(posted()).rejects.toThrow(/Check GITHUB_REPOSITORY/);
  });
});

describe("a busy server", () => {
  const waited: number[] = [];
  const patient = () => {
    const env = hub.env("pull_request_target");
    return github({ repository: REPOSITORY, token: env.GITHUB_TOKEN!, api: env.GITHUB_API_URL! }, (async (milliseconds: number) => {
      waited.push(milliseconds);
    }) as never);
  };
  beforeEach(() => void waited.splice(0));

  it("is called again after the time that it asks for, at most a minute", async () => {
    hub.faults.push(
      { when: /pulls/, answer: { status: 429, headers: { "retry-after": "3" } } },
      {
        when: /pulls/,
        answer: { status: 403, headers: { "retry-after": "900" }, body: { message: "You have exceeded a secondary rate limit" } },
      },
      { when: /pulls/, answer: { status: 502 } },
    );
    expect(await patient().call("GET", "/pulls/7")).toMatchObject({ number: 7 });
    expect(waited).toEqual([3_000, 60_000, 8_000]);
  });

  it("fails the command after five attempts, with its answer", async () => {
    for (let count = 0; count < 5; count++) hub.faults.push({ when: /pulls/, answer: { status: 503, body: { message: "Unicorn" } } });
    await expect(patient().call("GET", "/pulls/7")).rejects.toThrow(
      "GitHub refused the call: GET /repos/acme/slipway/pulls/7: 503 Unicorn.",
    );
    expect(waited).toEqual([2_000, 4_000, 8_000, 16_000]);
  });

  it("receives no token by redirect", async () => {
    for (let count = 0; count < 5; count++)
      hub.faults.push({ when: /pulls/, answer: { status: 302, headers: { location: "/elsewhere" } } });
    await expect(patient().call("GET", "/pulls/7")).rejects.toThrow("No connection to GitHub");
    expect(hub.calls).not.toContain("GET /elsewhere");
  });
});
