/**
 * The calls of {@link Dataplane} as data, and their execution: what crosses to the kernel worker,
 * and what the in-process variant runs directly, so that both behave alike.
 */
import { type Prefix, prefixOf } from "@heddle/inet";
import { unreachable } from "@heddle/std";
import type {
  AttachedPod,
  DropCount,
  NodeInterfaces,
  ObservedPod,
  PodInterface,
} from "./dataplane.ts";
import { type DataplaneErrorData, toDataplaneError, toErrorData } from "./dataplane-error.ts";
import type { KernelDataplane } from "./kernel-dataplane.ts";

export type Call =
  | { readonly method: "setNode"; readonly node: NodeInterfaces }
  | { readonly method: "attachPod"; readonly pod: PodInterface }
  | { readonly method: "detachPod"; readonly hostIfname: string }
  | { readonly method: "checkPod"; readonly pod: PodInterface }
  | { readonly method: "observePods" }
  | { readonly method: "drops" };

/** The answer to a call of the same method, or a failure. */
export type Answer =
  | { readonly method: "setNode" }
  | { readonly method: "attachPod"; readonly pod: AttachedPod }
  | { readonly method: "detachPod" }
  | { readonly method: "checkPod"; readonly differences: readonly string[] }
  | { readonly method: "observePods"; readonly pods: readonly ObservedPod[] }
  | { readonly method: "drops"; readonly drops: readonly DropCount[] }
  | { readonly method: "failed"; readonly error: DataplaneErrorData };

/** Runs one call. Operating errors become answers; broken invariants are thrown. */
export function execute(dataplane: KernelDataplane, call: Call): Answer {
  try {
    return run(dataplane, call);
  } catch (error) {
    return { method: "failed", error: toErrorData(toDataplaneError(error)) };
  }
}

function run(dataplane: KernelDataplane, call: Call): Answer {
  switch (call.method) {
    case "setNode":
      dataplane.setNode(internNode(call.node));
      return { method: "setNode" };
    case "attachPod":
      return { method: "attachPod", pod: dataplane.attachPod(call.pod) };
    case "detachPod":
      dataplane.detachPod(call.hostIfname);
      return { method: "detachPod" };
    case "checkPod":
      return { method: "checkPod", differences: dataplane.checkPod(call.pod) };
    case "observePods":
      return { method: "observePods", pods: dataplane.observePods() };
    case "drops":
      return { method: "drops", drops: dataplane.drops() };
    default:
      return unreachable(call);
  }
}

/** Prefixes are equal by identity, which a copy for another thread has lost. */
function internNode(node: NodeInterfaces): NodeInterfaces {
  const intern = (prefix: Prefix): Prefix => prefixOf(prefix.address, prefix.length);
  const blocks = node.blocks === undefined ? [] : node.blocks;
  return {
    ...node,
    podPrefixes: node.podPrefixes.map(intern),
    blocks: blocks.map(({ vrf, prefix }) => ({ vrf, prefix: intern(prefix) })),
  };
}
