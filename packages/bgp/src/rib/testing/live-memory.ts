/** How much memory is reachable: whether something leaks. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Octets in use, on the heap and in buffers outside of it; collects garbage first. */
export function liveMemory(): number {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect !== "function") throw new Error("the runtime exposes no collection");
  // Buffers outside of the heap are given back beside the program, at the latest by the next time.
  for (let i = 0; i < 3; i += 1) collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
