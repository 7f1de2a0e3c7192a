/** The rendered configuration against the parser of the FRR that is installed. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { planSwitches } from "../plan.ts";
import { sample } from "../testing/sample.ts";
import { renderFrr } from "./render.ts";

const run = promisify(execFile);

for (const [name, config] of planSwitches(
  sample.fabric,
  sample.switches,
  sample.links,
  sample.nodes,
)) {
  test(`FRR accepts every line of ${name}`, async (t) => {
    const directory = mkdtempSync(path.join(os.tmpdir(), "heddle-fabric-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const file = path.join(directory, "frr.conf");
    writeFileSync(file, renderFrr(config));
    const { stdout, stderr } = await run("vtysh", ["-C", "-f", file]);
    assert.equal(stdout + stderr, "");
  });
}

test("FRR's parser refuses a line it does not know", async (t) => {
  const directory = mkdtempSync(path.join(os.tmpdir(), "heddle-fabric-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = path.join(directory, "frr.conf");
  writeFileSync(file, "router bgp 1\n neighbour 10.0.0.1 remote-as 2\n");
  await assert.rejects(run("vtysh", ["-C", "-f", file]));
});
