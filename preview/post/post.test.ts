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
  post(PROJECT, review, hub.env("workflow_run", changes));

describe("a comment under a pull request", () => {
  it("is written once and then kept up to date, also for a fork", async () => {
    expect(await posted()).toMatchObject({ pull: 7, what: "written", url: expect.stringContaining("#issuecomment-1000") });
    expect(await posted(json({ ...dangerous, risk: "care" }))).toMatchObject({ what: "updated" });
    expect(hub.comments.map(({ body }) => body.split("\n").slice(0, 2))).toEqual([[MARKER, "## `slipway`: care"]]);
  });

  it("is found behind three hundred others", async () => {
    for (let count = 0; count < 150; count++) hub.say("reviewer", "looks good");
    const mine = hub.say(BOT, `${MARKER}\nold`);
    for (let count = 0; count < 150; count++) hub.say("reviewer", "still does");
    await posted();
    expect(hub.comments).toHaveLength(301);
    expect(mine.body).toContain("candlefish-postgres-cluster");
  });

  it("takes nobody else's comment for its own, whatever it begins with", async () => {
    const theirs = hub.say("stranger", `${MARKER}\n## nothing to see here`);
    const quoted = hub.say(BOT, `> ${MARKER}\nanother tool of the same account`);
    const gone = hub.say("ghost", `${MARKER}\n`);
    gone.user = null;
    expect(await posted()).toMatchObject({ what: "written" });
    expect([theirs.body, quoted.body]).toEqual([`${MARKER}\n## nothing to see here`, `> ${MARKER}\nanother tool of the same account`]);
  });

  it("stays one for each project", async () => {
    const other = hub.say(BOT, `${marker("other")}\nof another project`);
    await posted();
    expect(other.body).toContain("of another project");
    expect(hub.comments).toHaveLength(2);
  });

  it("folds older ones of its own, and says where it could not", async () => {
    const [first, second] = [hub.say(BOT, `${MARKER}\nfirst`), hub.say(BOT, `${MARKER}\nsecond`)];
    await posted();
    expect(second.body).toContain("danger");
    expect([first.body, hub.minimized]).toEqual([`${MARKER}\nfirst`, [first.node_id]]);
    hub.faults.push({ when: /graphql/, answer: { status: 200, body: { data: { viewer: { login: BOT } } } } });
    hub.faults.push({ when: /graphql/, answer: { status: 200, body: { errors: [{ message: "no" }] } } });
    expect((await posted())?.warnings).toEqual([
      `${first.html_url} is superseded and could not be folded: GitHub does not answer a query: no.`,
    ]);
  });

  it("is not written where nothing changes, and corrected where an old one says otherwise", async () => {
    expect(await posted(json(quiet))).toMatchObject({ what: "not needed" });
    expect(hub.comments).toEqual([]);
    await posted();
    expect(await posted(json(quiet))).toMatchObject({ what: "updated" });
    expect(hub.comments[0]?.body).toMatch(/nothing changes/);
  });

  it("is shortened where the server takes less than it should", async () => {
    hub.longest = 35_000;
    const many = { ...dangerous, stacks: Array.from({ length: 20 }, (_, index) => ({ ...dangerous.stacks[2]!, stack: `stack-${index}` })) };
    await posted(json(many));
    expect(hub.comments[0]?.body.length).toBeGreaterThan(20_000);
    expect(hub.comments[0]?.body.length).toBeLessThan(30_000);
  });

  it("goes to the step's summary too, which has room for more", async () => {
    await posted();
    expect(readFileSync(hub.summary, "utf8")).toBe(hub.comments[0]?.body);
  });

  it("links to the run that looked at the change", async () => {
    await posted();
    expect(hub.comments[0]?.body).toContain(`[the whole report](https://github.example/${REPOSITORY}/actions/runs/41)`);
    await post(PROJECT, json(dangerous), hub.env("pull_request"));
    expect(hub.comments[0]?.body).toContain(`[the whole report](https://github.example/${REPOSITORY}/actions/runs/42)`);
  });
});

describe("a failure", () => {
  it("replaces the old comment, with the commit of which nothing is known", async () => {
    await posted();
    expect(await post(PROJECT, undefined, hub.env("workflow_run"))).toMatchObject({ what: "updated" });
    expect(hub.comments.map(({ body }) => body)).toEqual([
      `${MARKER}\n## \`slipway\`: no preview\n\n> [!CAUTION]\n> **What \`${HEAD.slice(0, 12)}\` changes is not known.** The job that looks at it left no review. [The log of its run](https://github.example/${REPOSITORY}/actions/runs/41) tells more.\n`,
    ]);
  });

  it.each([
    ["no JSON", "{", "The review is no JSON"],
    ["something else", "{}", "does not follow its schema"],
    ["a field too many", json({ ...dangerous, post: "elsewhere" } as Review), "does not follow its schema"],
    ["another project's", json({ ...dangerous, project: "other" }), "of another project than"],
    ["another commit's", json({ ...dangerous, head: { ...dangerous.head, commit: "f".repeat(40) } }), "of another commit than"],
    ["endless", `"${"x".repeat(5_000_001)}"`, "larger than 5,000,000 bytes"],
  ])("is told where the review is %s", async (_, text, why) => {
    await posted();
    const told = await posted(text);
    expect(told?.failure).toContain(why);
    expect(hub.comments).toHaveLength(1);
    expect(hub.comments[0]?.body).toContain(`**What \`${HEAD.slice(0, 12)}\` changes is not known.**`);
    expect(hub.comments[0]?.body).not.toContain("candlefish");
  });
});

describe("whom it speaks to", () => {
  it("is nobody once the pull request has a newer commit or is closed", async () => {
    hub.head = "e".repeat(40);
    expect(await post(PROJECT, json(dangerous), hub.env("pull_request"))).toBeUndefined();
    expect(await posted()).toBeUndefined();
    hub.forks = [];
    expect(await posted()).toBeUndefined();
    expect(hub.comments).toEqual([]);
  });

  it("is no other repository than the event's", async () => {
    await expect(posted(json(dangerous), { GITHUB_REPOSITORY: "stranger/slipway" })).rejects.toThrow(
      "The event is of acme/slipway, but GITHUB_REPOSITORY is stranger/slipway. Nothing is posted elsewhere.",
    );
    await expect(posted(json(dangerous), { GITHUB_REPOSITORY: "../../user" })).rejects.toThrow('"../../user" is no repository');
    expect(hub.calls).toEqual([]);
  });

  it("is asked over https, so that no token travels in clear", () => {
    expect(() => github({ repository: REPOSITORY, token: "t", api: "http://github.example" })).toThrow("GitHub's API is asked over https");
  });

  it("is not guessed where two pull requests have the same head", async () => {
    hub.forks = ["stranger/slipway", "stranger/slipway"];
    await expect(posted()).rejects.toThrow("#7 and #8 have the same head");
  });

  it.each([
    ["push", {}, 'A job of the event "push" has no pull request'],
    ["workflow_run", { workflow_run: { event: "push" } }, "GitHub's event is not as expected"],
  ])("is said by a pull request's event, not by one of %s", async (name, event, why) => {
    const env = hub.env("workflow_run", { GITHUB_EVENT_NAME: name });
    writeFileSync(env.GITHUB_EVENT_PATH!, JSON.stringify(event));
    await expect(post(PROJECT, json(dangerous), env)).rejects.toThrow(why);
  });

  it.each([
    ["GITHUB_TOKEN", "There is no GITHUB_TOKEN. Give it to the step"],
    ["GITHUB_REPOSITORY", "There is no GITHUB_REPOSITORY"],
    ["GITHUB_EVENT_PATH", "There is no GITHUB_EVENT_PATH"],
  ])("is not known without %s", async (missing, why) => {
    await expect(posted(json(dangerous), { [missing]: undefined })).rejects.toThrow(why);
  });
});

describe("a refusal", () => {
  it("of writing names the permission and the way for forks", async () => {
    hub.writable = false;
    await expect(posted()).rejects.toThrow(
      /Resource not accessible by integration.*"permissions: pull-requests: write".*workflow_run job/s,
    );
  });

  it("of the token says so", async () => {
    await expect(posted(json(dangerous), { GITHUB_TOKEN: "wrong" })).rejects.toThrow("GitHub does not know the token in GITHUB_TOKEN");
  });

  it("of a page that is not there asks for the repository's name", async () => {
    hub.faults.push({ when: /comments/, answer: { status: 404, body: { message: "Not Found" } } });
    await expect(posted()).rejects.toThrow(/Is GITHUB_REPOSITORY right/);
  });
});

describe("a busy server", () => {
  const waited: number[] = [];
  const patient = () => {
    const env = hub.env("workflow_run");
    return github({ repository: REPOSITORY, token: env.GITHUB_TOKEN!, api: env.GITHUB_API_URL! }, (async (milliseconds: number) => {
      waited.push(milliseconds);
    }) as never);
  };
  beforeEach(() => void waited.splice(0));

  it("is asked again when it says, at most a minute later", async () => {
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

  it("is given up after five times, with what it said", async () => {
    for (let count = 0; count < 5; count++) hub.faults.push({ when: /pulls/, answer: { status: 503, body: { message: "Unicorn" } } });
    await expect(patient().call("GET", "/pulls/7")).rejects.toThrow("GitHub refuses: GET /repos/acme/slipway/pulls/7: 503 Unicorn.");
    expect(waited).toEqual([2_000, 4_000, 8_000, 16_000]);
  });

  it("sends a token nowhere that an answer points to", async () => {
    for (let count = 0; count < 5; count++)
      hub.faults.push({ when: /pulls/, answer: { status: 302, headers: { location: "/elsewhere" } } });
    await expect(patient().call("GET", "/pulls/7")).rejects.toThrow("GitHub cannot be reached");
    expect(hub.calls).not.toContain("GET /elsewhere");
  });
});
