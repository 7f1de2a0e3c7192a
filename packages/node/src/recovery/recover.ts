/**
 * Recovery at the start of the node: observes, plans, applies. It asks nobody outside the machine.
 * A step that fails keeps its addresses out of use: an allocation stays in the journal, an
 * interface that cannot be removed goes into quarantine.
 */
import type { Dataplane } from "@heddle/dataplane";
import { formatIp } from "@heddle/inet";
import type { Log } from "@heddle/std";
import type { Announcer } from "../announcer.ts";
import {
  type Allocation,
  addressKeyOf,
  heldBy,
  keyOf,
  type Stranger,
} from "../journal/allocation.ts";
import type { Journal } from "../journal/journal.ts";
import { podInterfaceOf } from "../pods/cni-result.ts";
import type { PodAddresses } from "../pods/pod-addresses.ts";
import { planRecovery, type RecoveryStep } from "./plan-recovery.ts";

export interface RecoveryOptions {
  readonly journal: Journal;
  readonly dataplane: Dataplane;
  readonly announcer: Announcer;
  readonly addresses: PodAddresses;
  readonly log: Log;
  readonly namespaceExists: (path: string) => boolean;
}

export async function recover(options: RecoveryOptions): Promise<void> {
  const { journal, dataplane, announcer, namespaceExists, log } = options;
  const { condition, state } = journal;
  const allocations = [...state.allocations.values()];
  const steps = planRecovery({
    allocations,
    observed: await dataplane.observePods(),
    namespaces: new Set(allocations.map((each) => each.netnsPath).filter(namespaceExists)),
    journalIsWhole: condition === "intact" || condition === "torn",
    quarantined: new Set(state.strangers.keys()),
  });
  await dismissVanished(journal, steps);
  await disownUnused(journal);
  for (const block of state.blocks.values()) {
    if (block.claim === undefined) await announcer.announce(block);
  }
  for (const step of steps) await applySafely(options, step);
  const counts = Map.groupBy(steps, (step) => step.kind);
  log.info("recovered", Object.fromEntries([...counts].map(([kind, of]) => [kind, of.length])));
}

async function applySafely(options: RecoveryOptions, step: RecoveryStep): Promise<void> {
  try {
    await apply(options, step);
  } catch (error) {
    options.log.error("a step of the recovery failed", { step: step.kind, error });
    if (step.kind === "detach") await quarantine(options, step.pod);
  }
}

async function apply(options: RecoveryOptions, step: RecoveryStep): Promise<void> {
  const { dataplane, log } = options;
  switch (step.kind) {
    case "adopt":
      restoreFixed(options, step.allocation);
      await dataplane.attachPod(podInterfaceOf(step.allocation));
      break;
    case "keep":
      log.warn("pod without an interface found: its addresses are kept until DEL", {
        key: keyOf(step.allocation),
      });
      restoreFixed(options, step.allocation);
      break;
    case "quarantine":
      await quarantine(options, step.pod);
      break;
    case "detach":
      log.info("interface of an ADD that was never answered removed", {
        hostIfname: step.pod.hostIfname,
      });
      await dataplane.detachPod(step.pod);
      break;
    case "forget":
      await forget(options, step.allocation);
      break;
  }
}

async function quarantine({ journal, log }: RecoveryOptions, pod: Stranger): Promise<void> {
  const { hostIfname, vrf, addresses, infrastructureAddresses } = pod;
  if (journal.state.strangers.has(hostIfname)) return;
  log.warn("interface of an unknown pod found: its addresses are kept out of use", {
    hostIfname,
    addresses: [...addresses, ...infrastructureAddresses].map(formatIp),
  });
  const stranger = { hostIfname, vrf, addresses, infrastructureAddresses };
  await journal.append({ op: "quarantine", stranger });
}

/**
 * The record of a fixed address is given up by the reconciliation, which finds it without an owner
 * here.
 */
async function forget(
  { journal, dataplane }: RecoveryOptions,
  allocation: Allocation,
): Promise<void> {
  await dataplane.detachPod(allocation);
  for (const { vrf, prefix } of journal.fixedBlocksOf(allocation)) {
    await journal.append({ op: "disown", vrf, prefix });
  }
  await journal.append({ op: "release", key: keyOf(allocation) });
}

function restoreFixed({ journal, addresses }: RecoveryOptions, allocation: Allocation): void {
  addresses.restore(keyOf(allocation), journal.fixedBlocksOf(allocation));
}

/** Strangers whose interface is gone keep nothing any more. */
async function dismissVanished(journal: Journal, steps: readonly RecoveryStep[]): Promise<void> {
  const found = new Set(steps.flatMap((step) => ("pod" in step ? [step.pod.hostIfname] : [])));
  for (const hostIfname of journal.state.strangers.keys()) {
    if (!found.has(hostIfname)) await journal.append({ op: "dismiss", hostIfname });
  }
}

/** A crash between the two records of an ADD may leave the fixed address without its allocation. */
async function disownUnused(journal: Journal): Promise<void> {
  const { blocks, allocations } = journal.state;
  const used = new Set([...allocations.values()].flatMap(heldBy).map(addressKeyOf));
  for (const { vrf, prefix, claim } of blocks.values()) {
    if (claim !== undefined && !used.has(addressKeyOf({ vrf, ip: prefix.address }))) {
      await journal.append({ op: "disown", vrf, prefix });
    }
  }
}
