/** The controllers of the lab: one that leads and one that would take over. */
import { randomUUID } from "node:crypto";
import path from "node:path";
import { leaseKind } from "@heddle/api";
import { isStatus, type Store } from "@heddle/kube";
import type { LabContext } from "../state/context.ts";
import type { ClusterPrograms } from "./programs.ts";
import { ensureService, runningService, serviceDirectory, untilReady } from "./service-process.ts";

/** Labels of the processes; each is how the identity of its replica in the Lease starts. */
export const controllerLabels = ["controller-1", "controller-2"] as const;

/** Where the controllers choose their leader. */
export const controllerLease = { namespace: "kube-system", name: "heddle-controller" } as const;

const leaderLimitMs = 30_000;

export function controllerKubeconfig(lab: LabContext): string {
  return path.join(serviceDirectory(lab), "controller.kubeconfig");
}

/** Returns how many were not running. @throws LabError */
export function ensureControllers(
  lab: LabContext,
  programs: Pick<ClusterPrograms, "controller">,
): number {
  const missing = controllerLabels.filter((label) => runningService(lab, label) === undefined);
  for (const label of missing) {
    const identity = `${label}_${randomUUID()}`;
    const options = ["--kubeconfig", controllerKubeconfig(lab), "--identity", identity];
    const argv = [...programs.controller, ...options, "--listen", "127.0.0.1:0"];
    ensureService(lab, { label, argv });
  }
  return missing.length;
}

/** Resolves when a controller holds the Lease. @throws LabError `timeout`, `state`; StatusError */
export async function untilLed(lab: LabContext, store: Store): Promise<void> {
  await untilReady(lab, controllerLabels[0], leaderLimitMs, async () => {
    try {
      const { spec } = await store.get(leaseKind, controllerLease);
      return spec.holderIdentity !== undefined && spec.holderIdentity !== "";
    } catch (error) {
      if (isStatus(error, "NotFound")) return false;
      throw error;
    }
  });
}
