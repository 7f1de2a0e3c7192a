import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { planSwitches } from "../plan.ts";
import type { SwitchConfig } from "../switch-config.ts";
import { sample } from "../testing/sample.ts";
import { renderFrr } from "./render.ts";

const plans = planSwitches(sample.fabric, sample.switches, sample.links, sample.nodes);

// UPDATE_GOLDEN=1 rewrites the files; the change is reviewed in the diff.
for (const [name, config] of plans) {
  test(`renderFrr() gives ${name} its configuration`, () => {
    const file = path.join(import.meta.dirname, "golden", `${name}.conf`);
    const text = renderFrr(config);
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(file, text);
    assert.equal(text, readFileSync(file, "utf8"));
  });
}

test("renderFrr() offers nodes an unconditional default route when no other VTEP exists", () => {
  const leaf = plans.get("leaf1") as SwitchConfig;
  const vrfs = leaf.vrfs.map((vrf) => ({ ...vrf, defaultNeedsFabric: false }));
  const text = renderFrr({ ...leaf, vrfs });
  assert.match(text, /^ {2}neighbor NODES default-originate$/m);
  assert.doesNotMatch(text, /DEFAULT-WHEN|community-list/);
});
