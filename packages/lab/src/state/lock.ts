/** One change of a lab at a time: a file with the identity of the process that holds it. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { LabError } from "../errors.ts";
import { identify, isAlive, isErrno, type ProcessIdentity } from "./process.ts";

/** @throws LabError `state` when a living process has it */
export function takeLock(file: string): Disposable {
  const own = identify(process.pid);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      writeFileSync(file, JSON.stringify(own), { flag: "wx" });
      return { [Symbol.dispose]: () => rmSync(file, { force: true }) };
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
      const holder = readHolder(file);
      if (holder !== undefined && isAlive(holder)) {
        const why = `process ${holder.pid} is changing it, wait for its end`;
        throw new LabError("state", `Cannot change the lab: ${why}`);
      }
      rmSync(file, { force: true });
    }
  }
  throw new LabError("state", `Cannot change the lab: others take ${file}, try again`);
}

/** A file without a readable identity was left by a crash in the middle of writing it. */
function readHolder(file: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as ProcessIdentity;
  } catch (error) {
    if (isErrno(error, "ENOENT") || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
