import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  defaulted,
  formatFieldError,
  isPortTransition,
  type Port,
  type PortPhase,
  type PortTransition,
  portKind,
  portTransitions,
  validate,
  validateUpdate,
} from "../mod.ts";

const phases = Object.keys(portTransitions) as PortPhase[];

function port(phase?: PortPhase, transitions: readonly PortTransition[] = []): Port {
  return defaulted(portKind, {
    apiVersion: "heddle.io/v1alpha1",
    kind: "Port",
    metadata: { name: "p", namespace: "default" },
    spec: {
      pod: { name: "p", uid: "u" },
      node: "node1",
      containerId: "c",
      ifname: "eth0",
      subnet: "default",
      mac: "02:00:00:00:00:01",
      addresses: ["10.244.0.5"],
    },
    ...(phase === undefined ? {} : { status: { phase, transitions } }),
  });
}

function at(phase: PortPhase, second: number): PortTransition {
  return { phase, at: `2026-01-01T00:00:${String(second).padStart(2, "0")}Z` };
}

const golden = `
Requested: Allocated Draining Failed
Allocated: HostReady Draining Failed
HostReady: FabricReady Draining Failed
FabricReady: Active HostReady Draining Failed
Active: HostReady Draining Failed
Draining: Failed
Failed: Requested Draining
`;

test("the transition table of Port is the agreed one", () => {
  const shown = phases.map((phase) => `${phase}: ${portTransitions[phase].join(" ")}`).join("\n");
  assert.equal(`\n${shown}\n`, golden);
});

test("validateUpdate() takes a step of Port exactly when the table has it", () => {
  for (const from of phases) {
    for (const to of phases) {
      const legal = from === to || isPortTransition(from, to);
      assert.equal(validateUpdate(portKind, port(to), port(from)).length, legal ? 0 : 1);
    }
  }
});

test("a Port may be written after several legal steps at once", () => {
  const steps = [at("Requested", 1), at("Allocated", 2), at("HostReady", 3), at("FabricReady", 4)];
  assert.deepEqual(validateUpdate(portKind, port("FabricReady", steps), port()), []);
  const before = port("Allocated", steps.slice(0, 2));
  assert.deepEqual(validateUpdate(portKind, port("FabricReady", steps), before), []);
  // The oldest entries may be dropped.
  assert.deepEqual(validateUpdate(portKind, port("FabricReady", steps.slice(1)), before), []);
});

test("a Port refuses a skipped step and a list that contradicts the phase", () => {
  const errorOf = (next: Port, previous: Port): string[] =>
    validateUpdate(portKind, next, previous).map(formatFieldError);
  assert.deepEqual(errorOf(port("Active"), port()), [
    'status.phase: Invalid value: "Active": a new Port cannot become Active, want Requested',
  ]);
  const skipping = [at("Requested", 1), at("HostReady", 2)];
  assert.deepEqual(errorOf(port("HostReady", skipping), port()), [
    'status.phase: Invalid value: "HostReady": Requested cannot become HostReady, want Allocated or Draining or Failed',
  ]);
  assert.deepEqual(errorOf(port("Active", [at("Requested", 1)]), port()), [
    'status.phase: Invalid value: "Active": Requested cannot become Active, want Allocated or Draining or Failed',
  ]);
});

test("no walk through validateUpdate() leaves the table", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...phases), { maxLength: 12 }), (walk) => {
      let current = port("Requested");
      for (const [i, phase] of walk.entries()) {
        const next = port(phase, [...(current.status?.transitions ?? []), at(phase, i)]);
        const legal = isPortTransition(current.status?.phase, phase);
        assert.equal(validateUpdate(portKind, next, current).length === 0, legal);
        if (legal) current = next;
      }
    }),
  );
});

test("infrastructure addresses are the Port's own in the native Vpc, and of its families in others", () => {
  const errorsOf = (vpc: string, infrastructureAddresses: readonly string[]): string[] => {
    const plain = port();
    const spec = { ...plain.spec, vpc, infrastructureAddresses };
    return validate(portKind, { ...plain, spec }).map(formatFieldError);
  };
  assert.deepEqual(errorsOf("default", ["10.244.0.5"]), []);
  assert.deepEqual(errorsOf("default", []), []);
  assert.deepEqual(errorsOf("default", ["10.244.0.6"]), [
    'spec.infrastructureAddresses: Invalid value: "10.244.0.6": want an address of 10.244.0.5',
  ]);
  assert.deepEqual(errorsOf("red", ["10.244.0.6"]), []);
  assert.deepEqual(errorsOf("red", ["fd00::6"]), [
    'spec.infrastructureAddresses: Invalid value: "fd00::6": no address of its family to translate it to',
  ]);
});
