/**
 * What Kubernetes would bring to the lab, as a process: scheduler, Deployments, pods of every node.
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { HttpStore } from "@heddle/kube";
import type { Log, LogFields } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import { openLab } from "../control.ts";
import { networkList } from "./network-list.ts";
import { runKubernetes } from "./stand-ins.ts";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      "state-dir": { type: "string" },
      kubeconfig: { type: "string" },
      "cni-path": { type: "string" },
    },
  });
  const { "state-dir": stateDir, kubeconfig, "cni-path": cniPath } = values;
  if (stateDir === undefined || kubeconfig === undefined || cniPath === undefined) {
    throw new TypeError("want --state-dir, --kubeconfig and --cni-path");
  }
  const abort = new AbortController();
  process.once("SIGTERM", () => abort.abort());
  process.once("SIGINT", () => abort.abort());
  using store = await HttpStore.fromKubeconfig(kubeconfig);
  await runKubernetes(
    {
      lab: openLab({ stateDir }),
      store,
      cni: { network: networkList, path: [cniPath] },
      clock: systemClock,
      rng: systemRng,
      log: lineLog({}),
    },
    abort.signal,
  );
}

/** One JSON object a line on stderr. */
function lineLog(common: LogFields): Log {
  const write = (level: string, message: string, fields: LogFields = {}): void => {
    const time = new Date().toISOString();
    process.stderr.write(
      `${JSON.stringify({ level, time, ...common, ...fields, msg: message })}\n`,
    );
  };
  return {
    debug: () => undefined,
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields) => write("error", message, fields),
    with: (fields) => lineLog({ ...common, ...fields }),
  };
}

await main();
