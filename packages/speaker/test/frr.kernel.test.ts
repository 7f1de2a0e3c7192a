/** The speaker against FRR 8.4 in network namespaces. Needs root and FRR. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type AddressFamily, acceptAll } from "@heddle/bgp";
import { type Ip4, parseAsn, parseIp4, parseIp6, parsePrefix, prefixOf } from "@heddle/inet";
import { type Log, silentLog } from "@heddle/std";
import {
  defaultGracefulRestart,
  type PeerConfig,
  type PeerStatus,
  type PeerTemplate,
  Speaker,
  type SpeakerConfig,
} from "../src/mod.ts";
import { type Frr, Lab, until } from "./testing/lab.ts";
import { RecordingFib } from "./testing/recording-fib.ts";

const families: readonly AddressFamily[] = ["ipv4-unicast", "ipv6-unicast"];

const frrConfig = `
frr version 8.4
frr defaults traditional
hostname leaf
router bgp 65201
 bgp router-id 172.16.0.0
 no bgp ebgp-requires-policy
 no bgp network import-check
 bgp graceful-restart
 bgp graceful-restart preserve-fw-state
 bgp graceful-restart restart-time 20
 neighbor 172.16.0.1 remote-as 65203
 neighbor 172.16.0.1 timers 3 9
 neighbor 172.16.0.1 timers connect 1
 neighbor 172.16.0.1 bfd
 neighbor 172.16.1.1 remote-as 65210
 neighbor 172.16.1.1 timers connect 1
 address-family ipv4 unicast
  neighbor 172.16.0.1 default-originate
 exit-address-family
 address-family ipv6 unicast
  neighbor 172.16.0.1 activate
  neighbor 172.16.0.1 default-originate
 exit-address-family
exit
`;

const leaf: PeerConfig = {
  address: parseIp4("172.16.0.0"),
  asn: parseAsn(65201),
  kind: "fabric",
  families,
  localAddress: parseIp4("172.16.0.1"),
  nextHop6: parseIp6("fd00:172:16::1"),
  importPolicy: acceptAll,
  exportPolicy: acceptAll,
  bfd: {},
};

function config(peer: Partial<PeerConfig>, more: Partial<SpeakerConfig> = {}): SpeakerConfig {
  return {
    asn: parseAsn(65203),
    routerId: parseIp4("172.16.0.1"),
    families,
    listen: [{ address: parseIp4("172.16.0.1"), port: 179 }],
    peers: [{ ...leaf, ...peer }],
    multipath: { ebgpCountMax: 16, ibgpCountMax: 1, relaxAsPath: false },
    gracefulRestart: defaultGracefulRestart,
    ...more,
  };
}

/** With HEDDLE_TEST_LOG=1 in the environment the log is shown. */
function logOf(): Log {
  if (process.env["HEDDLE_TEST_LOG"] === undefined) return silentLog;
  const line = (message: string, fields?: unknown): void =>
    console.log(performance.now().toFixed(0), message, JSON.stringify(fields));
  const log: Log = { debug: line, info: line, warn: line, error: line, with: () => log };
  return log;
}

describe("against FRR", { timeout: 100_000 }, () => {
  const lab = new Lab();
  let frr: Frr;

  before(async () => {
    lab.addNamespace("leaf");
    lab.addNamespace("node");
    lab.link("leaf", "node", {
      a: ["172.16.0.0/31", "fd00:172:16::/127"],
      b: ["172.16.0.1/31", "fd00:172:16::1/127"],
    });
    lab.addNamespace("feed");
    lab.link("leaf", "feed", { a: ["172.16.1.0/31"], b: ["172.16.1.1/31"] });
    frr = await lab.frr("leaf", ["zebra", "bfdd", "bgpd"], frrConfig);
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
  });

  const start = (
    fib: RecordingFib,
    peer: Partial<PeerConfig> = {},
    more: Partial<SpeakerConfig> = {},
  ): Promise<Speaker> =>
    Speaker.start(config(peer, more), { log: logOf(), fib, netns: lab.path("node") });

  const status = (speaker: Speaker): PeerStatus => speaker.peers()[0] as PeerStatus;
  const established = (speaker: Speaker): Promise<boolean> =>
    until("session established", () => status(speaker).state === "Established");
  const leafRoutes = (): string => lab.ip("leaf", "route", "show", "proto", "bgp");
  const bfdIsUp = (): boolean => /Status: up/.test(frr.vtysh("bfdd", "show bfd peers"));
  const leafRoutes6 = (): string => lab.ip("leaf", "-6", "route", "show", "proto", "bgp");

  test("both families travel on one IPv4 session, in both directions", async () => {
    const fib = new RecordingFib();
    await using speaker = await start(fib);
    speaker.announce(parsePrefix("10.244.0.0/26"));
    speaker.announce(parsePrefix("fd00:10:244::/122"));
    await established(speaker);
    await until("routes in the leaf's kernel", () => leafRoutes() !== "" && leafRoutes6() !== "");
    assert.match(leafRoutes(), /10\.244\.0\.0\/26 .*via 172\.16\.0\.1/);
    assert.match(leafRoutes6(), /fd00:10:244::\/122 .*via (fd00:172:16::1|fe80)/);
    await until("default routes", () => fib.routes.size === 2);
    assert.deepEqual(fib.routes.get("0.0.0.0/0"), ["172.16.0.0"]);
    assert.deepEqual(fib.routes.get("::/0"), ["fd00:172:16::"]);
    const peer = status(speaker);
    assert.deepEqual(peer.families, families);
    assert.equal(peer.counts.get("ipv4-unicast")?.accepted, 1);
    assert.equal(peer.counts.get("ipv4-unicast")?.advertised, 1);
    await until("converged", () => speaker.isConverged && fib.convergedCount === 1);

    speaker.withdraw(parsePrefix("10.244.0.0/26"));
    await until("withdrawn from the leaf's kernel", () => leafRoutes() === "");
  });

  test("a shut down speaker's routes go at once, although FRR would keep those of a lost one", async () => {
    const speaker = await start(new RecordingFib());
    speaker.announce(parsePrefix("10.244.0.0/26"));
    await until("route in the leaf's kernel", () => leafRoutes() !== "");
    await speaker.stop("maintenance");
    await until("route gone", () => leafRoutes() === "", 3000);
  });

  test("a wrong AS number is refused on both sides and named", async () => {
    await using speaker = await start(new RecordingFib(), { asn: parseAsn(65999) });
    const error = await until("an error", () => status(speaker).lastError);
    assert.match(error.message, /AS 65201, want 65999.*Bad Peer AS \(2\/2\)/);
    assert.notEqual(status(speaker).state, "Established");
  });

  test("BFD takes the session down when the path fails and only TCP seems alive", async () => {
    const fib = new RecordingFib();
    await using speaker = await start(fib);
    await established(speaker);
    await until("BFD up on both sides", () => status(speaker).bfd === "Up");
    frr.signal("bfdd", "SIGSTOP");
    try {
      const stoppedMs = performance.now();
      await until("session down", () => status(speaker).state !== "Established", 5000);
      const tookMs = performance.now() - stoppedMs;
      assert.match(String(status(speaker).lastError?.message), /BFD session down/);
      assert.deepEqual(status(speaker).gracefulRestart.staleFamilies, []);
      await until("routes gone", () => fib.routes.size === 0);
      console.log(`BFD reset after ${tookMs.toFixed(0)} ms`);
    } finally {
      frr.signal("bfdd", "SIGCONT");
    }
    await established(speaker);
  });

  test("BFD watches a peer by range, of whatever AS, and its failure resets the session", async () => {
    const { address: _address, localAddress: _local, ...rest } = leaf;
    const template: PeerTemplate = {
      ...{ ...rest, nextHop4: parseIp4("172.16.0.1"), bfd: {} },
      ...{ asn: parseAsn(64999), otherAsns: "external" },
    };
    const range = { name: "leaves", prefix: parsePrefix("172.16.0.0/31"), peerCountMax: 2 };
    const fib = new RecordingFib();
    await using speaker = await start(
      fib,
      {},
      { peers: [], dynamicPeers: [{ ...range, template }] },
    );
    const found = (): PeerStatus | undefined => speaker.peers()[0];
    await until("up", () => found()?.state === "Established" && found()?.bfd === "Up");
    assert.deepEqual([found()?.dynamic, found()?.asn], ["leaves", leaf.asn]);
    frr.signal("bfdd", "SIGSTOP");
    try {
      await until("session down", () => found()?.state !== "Established", 5000);
      assert.match(String(found()?.lastError?.message), /BFD session down/);
    } finally {
      frr.signal("bfdd", "SIGCONT");
    }
    await until("up again", () => found()?.state === "Established" && found()?.bfd === "Up");
  });

  test("a main loop blocked for 2 s flaps and loses nothing, with BFD at 3 x 100 ms", async () => {
    const router = "router bgp 65201";
    frr.configure("bgpd", router, "neighbor 172.16.0.1 bfd 3 100 100");
    try {
      const fib = new RecordingFib();
      const bfd = { txIntervalMs: 100, rxIntervalMs: 100, detectMultiplier: 3 };
      await using speaker = await start(fib, { bfd });
      speaker.announce(parsePrefix("10.244.0.0/26"));
      await established(speaker);
      await until("BFD up", () => status(speaker).bfd === "Up" && bfdIsUp());
      await until("routes", () => fib.routes.size === 2 && leafRoutes() !== "");
      await sleep(500);
      const shown = frr.vtysh("bfdd", "show bfd peers");
      assert.match(shown, /Transmission interval: 100ms/);
      const downEvents = (): string =>
        String(
          /Session down events: (\d+)/.exec(frr.vtysh("bfdd", "show bfd peers counters"))?.[1],
        );
      const [before, seen] = [downEvents(), fib.history.length];
      const flag = new Int32Array(new SharedArrayBuffer(4));
      Atomics.wait(flag, 0, 0, 2000);
      await sleep(500);
      assert.deepEqual([status(speaker).state, status(speaker).bfd], ["Established", "Up"]);
      assert.equal(status(speaker).establishedCount, 1);
      assert.deepEqual([downEvents(), bfdIsUp()], [before, true]);
      assert.equal(fib.history.length, seen, "no route changed");
      assert.notEqual(leafRoutes(), "");
    } finally {
      frr.configure("bgpd", router, "neighbor 172.16.0.1 bfd 3 300 300");
    }
  });

  test("RFC 7313: refreshes with FRR are delimited in both directions", async () => {
    const fib = new RecordingFib();
    await using speaker = await start(fib);
    speaker.announce(parsePrefix("10.244.0.0/26"));
    await established(speaker);
    await until("routes", () => fib.routes.size === 2 && leafRoutes() !== "");
    assert.equal(status(speaker).capabilities?.enhancedRouteRefresh, true);
    const seen = fib.history.length;
    speaker.softResetIn({ address: leaf.address });
    const counted = (): number => status(speaker).messages.received.routeRefresh;
    await until("begin and end of two families", () => counted() === 4);
    frr.vtysh("bgpd", "clear bgp ipv4 unicast 172.16.0.1 soft in");
    await until("FRR's request", () => counted() >= 5);
    await until("our begin and end", () => status(speaker).messages.sent.routeRefresh >= 4);
    await sleep(200);
    assert.deepEqual(status(speaker).capabilities?.refreshing, []);
    assert.equal(fib.history.length, seen, "no route changed");
    assert.match(leafRoutes(), /10\.244\.0\.0\/26/);
    assert.equal(status(speaker).establishedCount, 1);
  });

  test("helper: routes of a killed and restarted bgpd never leave the forwarding table", async () => {
    const fib = new RecordingFib();
    await using speaker = await start(fib);
    await established(speaker);
    await until("default routes", () => fib.routes.size === 2);
    const seen = fib.history.length;
    await frr.kill("bgpd");
    await until("routes stale", () => status(speaker).gracefulRestart.staleFamilies.length === 2);
    await frr.start("bgpd");
    await established(speaker);
    await until(
      "no stale routes",
      () => status(speaker).gracefulRestart.staleFamilies.length === 0,
    );
    await sleep(300);
    assert.equal(fib.routes.size, 2);
    const lost = fib.history.slice(seen).filter((line) => line.endsWith("via "));
    assert.deepEqual(lost, []);
  });

  test("restarting: FRR keeps our routes while we are away and after we are back", async () => {
    const first = await start(new RecordingFib());
    first.announce(parsePrefix("10.244.0.0/26"));
    first.announce(parsePrefix("10.244.0.64/26"));
    await until("routes", () => leafRoutes().split("\n").length === 3);
    await first.stopForRestart();
    await sleep(1500);
    assert.equal(leafRoutes().split("\n").length, 3, "kept while away");

    const fib = new RecordingFib();
    const graceful = { ...defaultGracefulRestart, restarting: true };
    await using second = await start(fib, {}, { gracefulRestart: graceful });
    second.announce(parsePrefix("10.244.0.0/26"));
    await until("one confirmed, one swept", () => {
      const routes = leafRoutes();
      assert.match(routes, /10\.244\.0\.0\/26/, "never lost");
      return second.isConverged && !routes.includes("10.244.0.64/26");
    });
    await until("left-over routes released", () => fib.convergedCount === 1);
    assert.equal(fib.routes.size, 2);
  });

  test("kill -9: FRR keeps our routes although BFD goes down with us", async () => {
    const main = path.join(import.meta.dirname, "testing/speaker-main.ts");
    const run = (restarting: boolean): ChildProcess =>
      spawn(process.execPath, [main, lab.path("node"), String(restarting), "10.244.0.0/26"], {
        stdio: ["ignore", "pipe", "inherit"],
      });
    const says = (child: ChildProcess, text: string): Promise<void> =>
      new Promise((resolve) => {
        child.stdout?.on("data", (chunk) => {
          if (String(chunk).includes(text)) resolve();
        });
      });
    let child = run(false);
    try {
      await says(child, "Established Up");
      await until("route", () => leafRoutes() !== "");
      child.kill("SIGKILL");
      await until("BFD down at the leaf", () => !bfdIsUp());
      await sleep(1000);
      assert.match(leafRoutes(), /10\.244\.0\.0\/26/, "kept while away");
      child = run(true);
      await says(child, "Established Up");
      for (let i = 0; i < 20; i += 1) {
        assert.match(leafRoutes(), /10\.244\.0\.0\/26/, "kept when back");
        await sleep(50);
      }
    } finally {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
    }
  });

  test("65536 routes through FRR in each direction, and their withdrawal", async () => {
    const [near, far] = [new RecordingFib(), new RecordingFib()];
    await using node = await start(near);
    const feedPeer: PeerConfig = {
      ...leaf,
      address: parseIp4("172.16.1.0"),
      localAddress: parseIp4("172.16.1.1"),
    };
    const { bfd: _, ...peer } = feedPeer;
    await using feed = await Speaker.start(
      {
        ...config({}),
        asn: parseAsn(65210),
        routerId: parseIp4("172.16.1.1"),
        listen: [{ address: parseIp4("172.16.1.1"), port: 179 }],
        peers: [peer],
      },
      { log: logOf(), fib: far, netns: lab.path("feed") },
    );
    await until("both established", () =>
      [node, feed].every((speaker) => status(speaker).state === "Established"),
    );
    const startedMs = performance.now();
    const prefixes = (base: number) =>
      Array.from({ length: 65536 }, (_, i) => prefixOf((base + i * 256) as Ip4, 24));
    const [fromNode, fromFeed] = [prefixes(0x14000000), prefixes(0x28000000)];
    for (const prefix of fromNode) node.announce(prefix);
    for (const prefix of fromFeed) feed.announce(prefix);
    const count = (fib: RecordingFib, first: string): number =>
      [...fib.routes.keys()].filter((prefix) => prefix.startsWith(first)).length;
    await until("all routes", () => near.routes.size > 65536 && far.routes.size >= 65536, 60_000);
    console.log(`2 x 65536 routes through FRR in ${(performance.now() - startedMs).toFixed(0)} ms`);
    assert.deepEqual([count(near, "40."), count(far, "20.")], [65536, 65536]);
    assert.deepEqual(near.routes.get("40.255.255.0/24"), ["172.16.0.0"]);
    const [route] = node.longestMatch(parseIp4("40.1.2.3"));
    assert.deepEqual(route?.attributes.asPath, [{ type: "sequence", asns: [65201, 65210] }]);
    for (const prefix of fromFeed) feed.withdraw(prefix);
    await until("withdrawn", () => count(near, "40.") === 0, 60_000);
    assert.equal(count(far, "20."), 65536);
  });

  test("hold timer: a silent peer is given up after the hold time", async () => {
    const fib = new RecordingFib();
    await using speaker = await start(fib, { holdTimeMs: 3000 });
    await established(speaker);
    assert.equal(status(speaker).holdTimeMs, 3000);
    await until("default routes", () => fib.routes.size === 2);
    frr.signal("bgpd", "SIGSTOP");
    try {
      await until("session down", () => status(speaker).state !== "Established", 8000);
      assert.match(String(status(speaker).lastError?.message), /Hold Timer Expired \(4\/0\)/);
      // FRR announces the N bit (RFC 8538), so its routes are kept.
      assert.equal(fib.routes.size, 2);
    } finally {
      frr.signal("bgpd", "SIGCONT");
    }
    await established(speaker);
  });

  test("MD5 and TTL security, configured on both sides", async () => {
    frr.configure(
      "bgpd",
      "router bgp 65201",
      "neighbor 172.16.0.1 password open-sesame",
      "neighbor 172.16.0.1 ttl-security hops 1",
    );
    try {
      {
        await using speaker = await start(new RecordingFib(), { ttlSecurity: true });
        await sleep(2500);
        assert.notEqual(status(speaker).state, "Established", "no password, no session");
      }
      await using speaker = await start(new RecordingFib(), {
        md5: "open-sesame",
        ttlSecurity: true,
      });
      await established(speaker);
    } finally {
      frr.configure(
        "bgpd",
        "router bgp 65201",
        "no neighbor 172.16.0.1 password open-sesame",
        "no neighbor 172.16.0.1 ttl-security hops 1",
      );
    }
  });
});
