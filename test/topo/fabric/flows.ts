/**
 * A load of many UDP flows against an echo server, run inside a device:
 *
 *     flows.ts SOURCE DESTINATION SECONDS
 *
 * 24 flows of 100 packets per second differ in their source port, so ECMP spreads them over all
 * paths. Prints one JSON line. A flow is alive when one of its last 20 packets came back.
 */
import dgram from "node:dgram";
import { setTimeout as sleep } from "node:timers/promises";

export interface FlowReport {
  readonly sentCount: number;
  readonly lostCount: number;
  readonly flowCount: number;
  readonly aliveAtEndCount: number;
}

const flowCount = 24;
const intervalMs = 10;
const echoPort = 7;

interface Flow {
  readonly socket: dgram.Socket;
  sentCount: number;
  receivedCount: number;
  lastReceived: number;
}

async function main(source: string, destination: string, seconds: number): Promise<void> {
  const flows = await Promise.all(
    Array.from({ length: flowCount }, (_, i) => openFlow(source, destination, 20_000 + 7 * i)),
  );
  const start = performance.now();
  for (let round = 0; round * intervalMs < seconds * 1000; round += 1) {
    for (const flow of flows) sendOne(flow);
    await sleep(Math.max(0, start + (round + 1) * intervalMs - performance.now()));
  }
  await sleep(300);
  for (const { socket } of flows) socket.close();
  process.stdout.write(`${JSON.stringify(reportOf(flows))}\n`);
}

function reportOf(flows: readonly Flow[]): FlowReport {
  const sum = (field: "sentCount" | "receivedCount"): number =>
    flows.reduce((total, flow) => total + flow[field], 0);
  return {
    sentCount: sum("sentCount"),
    lostCount: sum("sentCount") - sum("receivedCount"),
    flowCount,
    aliveAtEndCount: flows.filter((flow) => flow.sentCount - flow.lastReceived < 20).length,
  };
}

async function openFlow(source: string, destination: string, port: number): Promise<Flow> {
  const socket = dgram.createSocket(source.includes(":") ? "udp6" : "udp4");
  const flow: Flow = { socket, sentCount: 0, receivedCount: 0, lastReceived: -1 };
  socket.on("message", (message) => {
    flow.receivedCount += 1;
    flow.lastReceived = Math.max(flow.lastReceived, message.readUInt32BE(0));
  });
  socket.on("error", () => undefined); // An ICMP error of a lost packet: it counts as lost.
  await new Promise<void>((resolve) => socket.bind(port, source, resolve));
  await new Promise<void>((resolve) => socket.connect(echoPort, destination, () => resolve()));
  return flow;
}

function sendOne(flow: Flow): void {
  const packet = Buffer.alloc(64);
  packet.writeUInt32BE(flow.sentCount);
  flow.sentCount += 1;
  flow.socket.send(packet, () => undefined); // A refused packet counts as lost.
}

if (import.meta.main) {
  const [source, destination, seconds] = process.argv.slice(2) as [string, string, string];
  await main(source, destination, Number(seconds));
}
