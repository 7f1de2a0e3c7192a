import assert from "node:assert/strict";
import process from "node:process";
import { after, test } from "node:test";
import { CliError, exitCodes } from "../exit.ts";
import { askThoseThatKnow } from "./bgp-targets.ts";

const targets = ["a", "b", "c"].map((node) => ({ node, socketPath: node }));
const unknown = new CliError("no BGP peer", exitCodes.verdictFailed);
const away = new CliError("Cannot ask the agent at a", exitCodes.unavailable);

after(() => {
  process.exitCode = 0;
});

function answering(answers: Readonly<Record<string, string | Error>>) {
  return async (socketPath: string): Promise<string> => {
    const answer = answers[socketPath] ?? unknown;
    if (typeof answer !== "string") throw answer;
    return answer;
  };
}

test("those that do not know are passed over, and all of them are an error", async () => {
  assert.deepEqual(await askThoseThatKnow(targets, answering({ b: "B" })), ["B"]);
  assert.equal(process.exitCode, undefined);
  await assert.rejects(askThoseThatKnow(targets, answering({})), unknown);
});

test("one that is away hides nothing of the others, and is not forgotten", async () => {
  const answers = await askThoseThatKnow(targets, answering({ a: away, b: "B", c: "C" }));
  assert.deepEqual([answers, process.exitCode], [["B", "C"], exitCodes.unavailable]);
  await assert.rejects(askThoseThatKnow(targets, answering({ a: away })), away);
  const bug = new TypeError("a bug");
  await assert.rejects(askThoseThatKnow(targets, answering({ a: "A", b: bug })), bug);
});
