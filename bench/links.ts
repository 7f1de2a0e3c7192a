/**
 * How long one pod interface takes to make and to remove, in a namespace of its own: median, 90th
 * and 99th percentile in milliseconds. `node bench/links.ts [pods]`, as root.
 */
import { type Mac, parseIp, parseMac, parseVrfId } from "@heddle/inet";
import { createNetns, type Fd, withNetns } from "@heddle/native";
import type { PodInterface } from "../packages/dataplane/src/dataplane.ts";
import { PodLinks } from "../packages/dataplane/src/links/pod-links.ts";

const blocks = { ingress: 1, egress: 2 };

function macOf(value: number): Mac {
  const octets = [2, 0, 0, 0, value >> 8, value & 255];
  return parseMac(octets.map((octet) => octet.toString(16).padStart(2, "0")).join(":"));
}

function podIn(netns: Fd, number: number): PodInterface {
  return {
    netnsPath: `/proc/self/fd/${netns.number}`,
    ifname: "eth0",
    hostIfname: `hv${number}`,
    mac: macOf(number),
    hostMac: macOf(0xffff),
    mtu: 1500,
    vrf: parseVrfId(0),
    addresses: [
      parseIp(`10.244.${number >> 8}.${number & 255}`),
      parseIp(`fd00:10:244::${number.toString(16)}`),
    ],
    infrastructureAddresses: [],
  };
}

function measure(durationsMs: number[], run: () => void): void {
  const startMs = performance.now();
  run();
  durationsMs.push(performance.now() - startMs);
}

function report(what: string, durationsMs: readonly number[]): void {
  const sorted = durationsMs.toSorted((a, b) => a - b);
  const percentile = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(2);
  const columns = [percentile(0.5), percentile(0.9), percentile(0.99)];
  console.log([what.padEnd(22), ...columns.map((column) => column.padStart(8))].join(" "));
}

function main(podCount: number): void {
  using node = createNetns();
  using links = withNetns(node, () => new PodLinks());
  links.ensureBlocks(blocks);
  using stack = new DisposableStack();
  const pods = Array.from({ length: podCount }, (_, i) => podIn(stack.use(createNetns()), i + 1));
  const [attach, again, check, detach]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (const pod of pods) measure(attach, () => links.attach(pod, blocks));
  for (const pod of pods) measure(again, () => links.attach(pod, blocks));
  let differences = 0;
  for (const pod of pods) {
    measure(check, () => {
      differences += links.check(pod, blocks).length;
    });
  }
  const observed = links.observe().length;
  for (const pod of pods.slice(0, 20)) measure(detach, () => links.detach(pod.hostIfname));
  console.log(`${podCount} pods, IPv4 and IPv6; ms`.padEnd(22), "    p50      p90      p99");
  report("attach", attach);
  report("attach what is there", again);
  report("check", check);
  report("detach (20)", detach);
  if (differences !== 0 || observed !== podCount) {
    throw new Error(`${differences} differences and ${observed} pods, want 0 and ${podCount}`);
  }
}

main(Number(process.argv[2] ?? 200));
