/**
 * Two routers that know each other by their link and nothing else: a spine and the top of a rack,
 * both processes of the route server, in network namespaces of their own. Needs root.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { eventually, RunningMain } from "@heddle/system/testing";

const main = path.join(import.meta.dirname, "main.ts");
const folder = mkdtempSync(path.join(tmpdir(), "hcfg-"));
const names = { spine: `hcfgs${process.pid}`, tor: `hcfgt${process.pid}` } as const;
type Router = keyof typeof names;
const routers = {} as Record<Router, RunningMain>;

function ip(...args: readonly string[]): string {
  return execFileSync("ip", args, { encoding: "utf8" });
}

function connect(): void {
  const [a, b] = ["down1", "swp1"];
  ip("link", "add", a, "netns", names.spine, "type", "veth", "peer", b, "netns", names.tor);
  ip("-n", names.spine, "link", "set", a, "up");
  ip("-n", names.tor, "link", "set", b, "up");
}

const common = (router: Router): string => `
name: ${router}
families: [ipv4, ipv6]
runDir: ${path.join(folder, router)}
listen: [{ address: "::" }]
kernelRoutes: { metric: 20 }
timers: { connectRetrySeconds: 1, idleHoldMinSeconds: 1, idleHoldMaxSeconds: 1 }
`;

const configurations: Readonly<Record<Router, string>> = {
  spine: `${common("spine")}
asn: 65201
routerId: 10.255.0.1
originate: [{ prefix: 0.0.0.0/0 }, { prefix: "::/0" }]
unnumberedPeers:
  - interface: down1
    otherAsns: [65210-65299]
    export: default-only
    import: [10.1.0.0/24, "2001:db8:1::/48"]
    advertisementIntervalSeconds: 3
`,
  tor: `${common("tor")}
asn: 65210
routerId: 10.255.0.10
originate: [{ prefix: 10.1.0.0/24 }, { prefix: "2001:db8:1::/48" }, { prefix: 10.9.0.0/24 }]
unnumberedPeers:
  - interface: swp1
    otherAsns: external
    import: all
    export: all
    advertisementIntervalSeconds: 3
`,
};

function write(router: Router, text: string): string {
  const file = path.join(folder, `${router}.yaml`);
  writeFileSync(file, text);
  return file;
}

before(async () => {
  for (const router of ["spine", "tor"] as const) {
    ip("netns", "add", names[router]);
    ip("-n", names[router], "link", "set", "lo", "up");
    mkdirSync(path.join(folder, router));
  }
  // The top of the rack is there before its link is.
  for (const router of ["spine", "tor"] as const) {
    const file = write(router, configurations[router]);
    routers[router] = new RunningMain({ file: main, netns: names[router] }, "--config", file);
  }
  await Promise.all(Object.values(routers).map((router) => router.line("serves")));
});

after(() => {
  for (const { child } of Object.values(routers)) child.kill("SIGKILL");
  for (const name of Object.values(names)) ip("netns", "del", name);
  rmSync(folder, { recursive: true });
});

function kernelRoutes(router: Router): string[] {
  const of = (version: string): string[] =>
    ip(version, "-n", names[router], "route", "show", "proto", "bgp").trim().split("\n");
  return [...of("-4"), ...of("-6")].map((line) => line.split(" ", 1)[0] ?? "").filter(Boolean);
}

async function untilKernelHas(router: Router, ...wanted: readonly string[]): Promise<void> {
  let last: readonly string[] = [];
  const isSame = async () => {
    last = kernelRoutes(router);
    return last.join() === wanted.join() ? true : undefined;
  };
  await eventually("the kernel's routes", isSame, 30_000).catch(() =>
    assert.deepEqual(last, wanted, JSON.stringify(routers[router].lines.slice(-5))),
  );
}

test("a link that comes is used, and the kernels have what each says", async () => {
  await routers.tor.line("no such interface");
  connect();
  await untilKernelHas("tor", "default", "default");
  await untilKernelHas("spine", "10.1.0.0/24", "2001:db8:1::/48");
  assert.match(
    ip("-n", names.tor, "route", "show", "default"),
    /^default via inet6 fe80::[0-9a-f:]+ dev swp1 proto bgp metric 20/,
  );
});

test("a link that is another one by the same name is used again", async () => {
  ip("-n", names.tor, "link", "del", "swp1");
  await untilKernelHas("tor");
  connect();
  await untilKernelHas("tor", "default", "default");
  await untilKernelHas("spine", "10.1.0.0/24", "2001:db8:1::/48");
});

test("SIGHUP withdraws what is gone; a router that stops leaves its routes in the kernel", async () => {
  const text = configurations.tor.replace('{ prefix: "2001:db8:1::/48" }, ', "");
  write("tor", text);
  routers.tor.child.kill("SIGHUP");
  await untilKernelHas("spine", "10.1.0.0/24");
  assert.deepEqual(await routers.tor.end(), [0, null]);
  assert.deepEqual(kernelRoutes("tor"), ["default", "default"]);
});
