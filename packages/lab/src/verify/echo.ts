/** The echo server on devices that are no pods: bare metal and what is outside. */
import path from "node:path";
import { type LabContext, liveDevice } from "../state/context.ts";
import { isAlive } from "../state/process.ts";
import { readRecord } from "../state/process-record.ts";

const echoLabel = "echo";

/** Starts it unless it runs. @throws LabError */
export function ensureEcho(lab: LabContext, name: string): void {
  const device = liveDevice(lab, name);
  const known = readRecord(device.paths.processes, echoLabel);
  if (known !== undefined && isAlive(known)) return;
  const logFile = path.join(device.paths.logs, "echo.log");
  device.spawn([lab.tools.echo], { label: echoLabel, logFile });
}
