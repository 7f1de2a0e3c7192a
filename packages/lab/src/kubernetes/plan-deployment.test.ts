import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRng } from "@heddle/std";
import { orphansOf, planDeployment } from "./plan-deployment.ts";
import { deployment } from "./testing/objects.ts";

const rng = seededRng(1);

test("planDeployment() creates what is missing, owned and labelled", () => {
  const { create, remove, status } = planDeployment(deployment("web", 2), [], rng);
  assert.equal(create.length, 2);
  assert.deepEqual(remove, []);
  for (const { metadata, spec } of create) {
    assert.match(metadata.name, /^web-[0-9a-f]{10}-[a-z0-9]{5}$/);
    assert.equal(metadata.namespace, "default");
    assert.equal(metadata.labels?.["app"], "web");
    assert.equal(metadata.ownerReferences?.[0]?.uid, "uid-web");
    assert.equal(spec.containers[0]?.image, "heddle-echo");
  }
  assert.notEqual(create[0]?.metadata.name, create[1]?.metadata.name);
  assert.deepEqual([status.replicas, status.readyReplicas, status.observedGeneration], [0, 0, 1]);
});

test("planDeployment() removes the surplus, those that are not ready first", () => {
  const pods = planDeployment(deployment("web", 3), [], rng).create;
  const ready = { conditions: [{ type: "Ready", status: "True" }] };
  const living = pods.map((it, i) => (i === 1 ? it : { ...it, status: ready }));
  const plan = planDeployment(deployment("web", 2), living, rng);
  assert.deepEqual(
    plan.remove.map(({ metadata }) => metadata.name),
    [pods[1]?.metadata.name],
  );
  assert.equal(plan.status.readyReplicas, 2);
});

test("planDeployment() replaces pods of another template and pods that ended", () => {
  const pods = planDeployment(deployment("web", 2), [], rng).create;
  const changed = planDeployment(deployment("web", 2, "other"), pods, rng);
  assert.equal(changed.remove.length, 2);
  assert.equal(changed.create.length, 2);
  const ended = pods.map((it) => ({ ...it, status: { phase: "Failed" as const } }));
  assert.equal(planDeployment(deployment("web", 2), ended, rng).create.length, 2);
});

test("planDeployment() leaves the pods of others alone", () => {
  const others = planDeployment(deployment("db", 2), [], rng).create;
  const plan = planDeployment(deployment("web", 0), others, rng);
  assert.deepEqual([plan.create, plan.remove], [[], []]);
  assert.deepEqual(orphansOf([deployment("db", 2)], others), []);
  assert.deepEqual(orphansOf([deployment("web", 2)], others), others);
});
