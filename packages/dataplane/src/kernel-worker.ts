/**
 * Entry of the kernel worker: executes calls one by one. A broken invariant ends the thread, and
 * its owner learns of it; what forwards is pinned and goes on.
 */
import { parentPort, workerData } from "node:worker_threads";
import { must } from "@heddle/std";
import { execute } from "./calls.ts";
import { KernelDataplane } from "./kernel-dataplane.ts";
import type { WorkerMessage, WorkerReply } from "./worker-message.ts";

const port = must(parentPort, "the kernel worker is started as a worker");
const dataplane = new KernelDataplane(workerData);

port.on("message", (message: WorkerMessage) => {
  if (message.kind === "close") {
    dataplane[Symbol.dispose]();
    port.close();
    return;
  }
  const reply: WorkerReply = { id: message.id, answer: execute(dataplane, message.call) };
  port.postMessage(reply);
});
