/** How much memory is reachable: whether something leaks. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** In use after a collection, which is done here. */
export function liveHeapMb(): number {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect !== "function") throw new Error("the runtime exposes no collection");
  collect();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
