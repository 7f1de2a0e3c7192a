import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type FenceEffect,
  type FenceEvent,
  type FenceState,
  idleFence,
  stepFence,
} from "./claim-fence.ts";

function run(events: readonly FenceEvent[], from: FenceState = idleFence): [FenceState, string[]] {
  let state = from;
  const effects: string[] = [];
  for (const event of events) {
    const step = stepFence(state, event);
    state = step.state;
    effects.push(...step.effects.map((effect) => effect.kind));
  }
  return [state, effects];
}

test("a fixed address is announced after its claim and withdrawn before its release", () => {
  const [state, effects] = run([
    { kind: "want" },
    { kind: "claimGranted" },
    { kind: "unwant" },
    { kind: "withdrawn" },
    { kind: "released" },
  ]);
  assert.deepEqual(state, idleFence);
  assert.deepEqual(effects, ["claim", "announce", "withdraw", "release"]);
});

test("a living holder blocks, an expired one is taken over", () => {
  const refusal = (expired: boolean): FenceEvent => ({
    kind: "claimRefused",
    holder: "node2",
    expired,
  });
  const [blocked] = run([{ kind: "want" }, refusal(false)]);
  assert.deepEqual(blocked, { kind: "blocked", holder: "node2" });
  const [held, effects] = run([refusal(true), { kind: "claimGranted" }], blocked);
  assert.deepEqual(held, { kind: "held" });
  assert.deepEqual(effects, ["takeOver", "announce"]);
});

test("an endpoint that goes while the claim is on its way leaves no claim and no route", () => {
  const [state, effects] = run([
    { kind: "want" },
    { kind: "unwant" },
    { kind: "claimGranted" },
    { kind: "released" },
  ]);
  assert.deepEqual(state, idleFence);
  assert.deepEqual(effects, ["claim", "release"]);
});

test("a claim whose answer was lost is given up for certain", () => {
  const [blocked] = run([{ kind: "want" }, { kind: "claimUnknown" }]);
  assert.deepEqual(blocked, { kind: "blocked", holder: undefined });
  assert.deepEqual(run([{ kind: "unwant" }, { kind: "released" }], blocked), [
    idleFence,
    ["release"],
  ]);
  assert.deepEqual(run([{ kind: "want" }, { kind: "unwant" }, { kind: "claimUnknown" }])[1], [
    "claim",
    "release",
  ]);
});

test("a lost claim withdraws and never releases what belongs to another", () => {
  const [state, effects] = run([{ kind: "claimLost" }, { kind: "unwant" }, { kind: "withdrawn" }], {
    kind: "held",
  });
  assert.deepEqual(state, idleFence);
  assert.deepEqual(effects, ["withdraw"]);
});

test("nodes that race, die and come back never announce at once", () => {
  const choice = fc.record({ node: fc.nat(2), act: fc.constantFrom("toggle", "perform", "poll") });
  fc.assert(
    fc.property(fc.array(choice, { maxLength: 300 }), (choices) => {
      const world = new World();
      for (const { node, act } of choices) {
        world.act(node, act);
        assert.ok(world.announcers.size <= 1, `announced by ${[...world.announcers]}`);
        for (const announcer of world.announcers) assert.equal(world.holder, announcer);
      }
    }),
    { numRuns: 300 },
  );
});

/**
 * Three nodes, one record, effects performed at arbitrary later moments. Nobody's lease expires.
 */
class World {
  holder: number | undefined;
  readonly announcers = new Set<number>();
  readonly #states: FenceState[] = [idleFence, idleFence, idleFence];
  readonly #wanted = [false, false, false];
  readonly #pending: FenceEffect[][] = [[], [], []];

  act(node: number, act: string): void {
    if (act === "toggle") {
      this.#wanted[node] = this.#wanted[node] !== true;
      this.#feed(node, { kind: this.#wanted[node] ? "want" : "unwant" });
    } else if (act === "poll") {
      if (this.#states[node]?.kind === "blocked" && this.holder === undefined) {
        this.#feed(node, { kind: "holderGone" });
      }
    } else {
      const effect = this.#pending[node]?.shift();
      if (effect !== undefined) this.#perform(node, effect);
    }
  }

  #feed(node: number, event: FenceEvent): void {
    const step = stepFence(this.#states[node] as FenceState, event);
    this.#states[node] = step.state;
    for (const effect of step.effects) {
      // Announcing is immediate in the speaker; everything else takes time.
      if (effect.kind === "announce") this.announcers.add(node);
      else this.#pending[node]?.push(effect);
    }
  }

  #perform(node: number, effect: FenceEffect): void {
    if (effect.kind === "claim") {
      if (this.holder === undefined || this.holder === node) {
        this.holder = node;
        this.#feed(node, { kind: "claimGranted" });
      } else {
        this.#feed(node, { kind: "claimRefused", holder: `${this.holder}`, expired: false });
      }
    } else if (effect.kind === "withdraw") {
      this.announcers.delete(node);
      this.#feed(node, { kind: "withdrawn" });
    } else if (effect.kind === "release") {
      assert.equal(this.holder, node);
      this.holder = undefined;
      this.#feed(node, { kind: "released" });
    }
  }
}
