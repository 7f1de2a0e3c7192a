/** Entry of the BFD thread: nothing but BFD runs on its event loop, so nothing delays it. */
import { parentPort, workerData } from "node:worker_threads";
import { openNetns } from "@heddle/native";
import { must } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import { BfdEngine } from "./engine.ts";
import type { BfdCommand, BfdThreadData } from "./protocol.ts";

const port = must(parentPort, "this module runs in a worker thread");
const { netns }: BfdThreadData = workerData;
const engine = new BfdEngine(
  systemClock,
  systemRng,
  netns === undefined ? undefined : openNetns(netns),
  (report) => port.postMessage(report),
);

port.on("message", (command: BfdCommand) => {
  if (command.kind === "add") {
    engine.add(command.peer);
  } else if (command.kind === "remove") {
    engine.remove(command.id);
  } else {
    engine[Symbol.dispose]();
    port.close();
  }
});
