/** What a boot leaves behind when it does not reach its end. test/topo/fabric boots to the end. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { execInDevice, failLink } from "./control.ts";
import { parseLabDefinition } from "./definition/parse.ts";
import { defaultTools } from "./device/device.ts";
import { LabError } from "./errors.ts";
import { labDown, labUp } from "./lab.ts";
import { cgroup2Mount, labCgroup } from "./state/cgroup.ts";
import { labStatus } from "./status.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const definition = parseLabDefinition(readFileSync(path.join(root, "examples/lab.yaml"), "utf8"));

function newStateDir(): string {
  const stateDir = mkdtempSync("/run/heddle-labtest-");
  rmdirSync(stateDir);
  return stateDir;
}

function assertNothingLeft(stateDir: string): void {
  assert.equal(existsSync(stateDir), false);
  assert.equal(existsSync(`${stateDir}.lock`), false);
  assert.equal(existsSync(labCgroup(cgroup2Mount() as string, stateDir)), false);
}

for (const [name, steps] of [
  ["after its devices are up", 1],
  ["after its cables are in", 2],
  ["after its switches run", 3],
] as const) {
  test(`a boot that is stopped ${name} leaves nothing`, async () => {
    const stateDir = newStateDir();
    const controller = new AbortController();
    let left = steps as number;
    const progress = (): void => {
      left -= 1;
      if (left === 0) controller.abort();
    };
    const boot = labUp(definition, { stateDir, progress, signal: controller.signal });
    await assert.rejects(boot, { name: "AbortError" });
    assertNothingLeft(stateDir);
  });
}

test("a boot that cannot converge says where, and leaves nothing", async () => {
  const stateDir = newStateDir();
  await assert.rejects(labUp(definition, { stateDir, convergenceLimitMs: 0 }), (error) => {
    assert.ok(error instanceof LabError);
    assert.match(
      error.message,
      /^Cannot converge border1: 0 of 2 OSPF neighbours Full, 0 of 2 EVPN/,
    );
    return error.code === "timeout";
  });
  assertNothingLeft(stateDir);
});

test("a machine without the lab's programs is told so before anything is changed", async () => {
  const stateDir = newStateDir();
  const tools = { ...defaultTools, enter: "/nonexistent/heddle-enter" };
  await assert.rejects(labUp(definition, { stateDir, tools }), (error) => {
    assert.ok(error instanceof LabError);
    assert.match(error.message, /\n {2}no \/nonexistent\/heddle-enter: run make -C packages\/lab$/);
    return error.code === "preflight";
  });
  assertNothingLeft(stateDir);
});

test("without a lab, status is nothing, down succeeds, and the rest says what to do", async () => {
  const stateDir = newStateDir();
  assert.equal(await labStatus({ stateDir }), undefined);
  await labDown(stateDir);
  const message = `Cannot find a lab in ${stateDir}: run lab up`;
  await assert.rejects(execInDevice("node1", ["true"], { stateDir }), { message });
  await assert.rejects(failLink("node1:leaf1", { stateDir }), { message });
  assertNothingLeft(stateDir);
});
