/** What operators and configurations ask of single peers, between two speakers. Needs root. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type AddressFamily,
  constraintOf,
  encodeOpen,
  encodeRouteTargetConstraint,
  encodeVpnRoute,
  parseVpnRoute,
  type RouteChange,
  replay,
  wellKnownCommunities,
} from "@heddle/bgp";
import { parseIp4, parsePrefix, parseRouteTarget } from "@heddle/inet";
import { silentLog } from "@heddle/std";
import {
  defaultGracefulRestart,
  type PeerConfig,
  type PeerStatus,
  Speaker,
  type SpeakerConfig,
  SpeakerError,
} from "../src/mod.ts";
import { Lab, until } from "./testing/lab.ts";
import { RecordingFib } from "./testing/recording-fib.ts";
import { talk } from "./testing/talk.ts";
import { type Side, sides, configOf as twoSides } from "./testing/two-sides.ts";

const prefix = parsePrefix("10.1.0.0/16");

const configOf = (side: Side, peer: Partial<PeerConfig> = {}): SpeakerConfig => ({
  ...twoSides(side, peer),
  hostname: `host-${side}`,
});

describe("operators and single peers", { timeout: 60_000 }, () => {
  const lab = new Lab();
  before(() => {
    lab.addNamespace("a");
    lab.addNamespace("b");
    lab.link("a", "b", { a: ["10.0.0.1/29", "fd00::1/64"], b: ["10.0.0.2/29", "fd00::2/64"] });
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
  });

  const run = (side: Side, config: SpeakerConfig, fib = new RecordingFib()): Promise<Speaker> =>
    Speaker.start(config, { log: silentLog, fib, netns: lab.path(side) });
  const start = (side: Side, peer: Partial<PeerConfig> = {}): Promise<Speaker> =>
    run(side, configOf(side, peer));
  const status = (speaker: Speaker): PeerStatus => speaker.peers()[0] as PeerStatus;
  const isUp = (speaker: Speaker): boolean => status(speaker).state === "Established";
  const bothUp = (a: Speaker, b: Speaker): Promise<boolean> =>
    until("established", () => isUp(a) && isUp(b));
  const toB = { address: sides.b.ip };
  const toA = { address: sides.a.ip };

  test("shutdown, enable and reset tell the peer why, and the status says what is the case", async () => {
    await using a = await start("a");
    await using b = await start("b");
    await bothUp(a, b);
    assert.equal(status(a).reason, undefined);
    a.shutdownPeer(toB, "maintenance of rack 7");
    await until("down", () => !isUp(b));
    const told = status(b).lastError;
    assert.match(String(told?.message), /Administrative Shutdown .*maintenance of rack 7/);
    assert.equal(told?.direction, "received");
    assert.equal(status(a).reason, "shut down by the operator: maintenance of rack 7");
    await sleep(1200);
    assert.equal(isUp(a) || isUp(b), false, "it stays down although b connects");
    a.enablePeer(toB);
    await bothUp(a, b);
    a.resetPeer(toB, "try again");
    await until("reset", () => status(b).establishedCount === 3 && isUp(a));
    a.enablePeer(toB);
    await sleep(300);
    assert.deepEqual([isUp(b), status(b).establishedCount], [true, 3], "up already");
    assert.match(String(status(b).lastError?.message), /Administrative Reset .*try again/);
    assert.throws(() => a.resetPeer({ address: sides.a.ip }), SpeakerError);
  });

  test("refreshes are delimited in both directions and lose nothing", async () => {
    const fib = new RecordingFib();
    await using a = await start("a");
    await using b = await run("b", configOf("b"), fib);
    a.announce(prefix);
    await bothUp(a, b);
    await until("the route", () => fib.routes.size === 1);
    b.softResetIn(toA);
    // Of two families, a beginning and an end each.
    await until("both refreshed", () => status(b).messages.received.routeRefresh === 4);
    assert.equal(status(a).messages.received.routeRefresh, 2);
    a.softResetOut(toB, "ipv4-unicast");
    await until("sent again", () => status(b).messages.received.routeRefresh === 6);
    await sleep(100);
    assert.deepEqual(status(b).capabilities?.refreshing, []);
    assert.equal(status(b).counts.get("ipv4-unicast")?.stale, 0);
    assert.deepEqual(fib.history, ["10.1.0.0/16 via 10.0.0.1"]);
    assert.equal(status(b).capabilities?.peerHostname, "host-a");
    b.shutdownPeer(toA);
    assert.throws(() => b.softResetIn(toA), /there is no session/);
  });

  test("RFC 8326: a graceful shutdown is announced, waits, and then closes", async () => {
    await using a = await start("a");
    await using b = await start("b");
    a.announce(prefix);
    await bothUp(a, b);
    const seen = (): readonly number[] | undefined =>
      [...b.routes({ from: sides.a.ip })][0]?.attributes.communities;
    await until("the route", () => seen() !== undefined);
    a.gracefulShutdownPeer(toB, 700, "bye");
    await until("announced", () => seen()?.includes(wellKnownCommunities.gracefulShutdown));
    assert.equal(isUp(b), true);
    await until("closed", () => !isUp(b));
    assert.match(String(status(b).lastError?.message), /Administrative Shutdown .*bye/);
    a.enablePeer(toB);
    await bothUp(a, b);
    await until("plain again", () => seen()?.length === 0);
  });

  test("a peer that waits for an operator says so; one that is held down, too", async () => {
    await using a = await start("a", { automaticStart: false });
    await using b = await start("b");
    await sleep(700);
    assert.match(String(status(a).reason), /^waits to be enabled/);
    assert.equal(isUp(b), false);
    a.enablePeer(toB);
    await bothUp(a, b);
    const { peers, ...rest } = configOf("a");
    const [peer] = peers as [PeerConfig];
    a.reconfigure({ ...rest, peers: [{ ...peer, heldDown: "no password" }] });
    await until("held down", () => !isUp(a));
    await sleep(700);
    assert.deepEqual([status(a).state, status(a).reason], ["Idle", "no password"]);
    a.reconfigure(configOf("a"));
    await bothUp(a, b);
  });

  test("what needs no new session is changed without one", async () => {
    await using a = await start("a");
    await using b = await start("b");
    await bothUp(a, b);
    const { peers, ...rest } = configOf("a");
    const [peer] = peers as [PeerConfig];
    const limits = { keepaliveMs: 1000, automaticStart: false, collisionDetectEstablished: true };
    a.reconfigure({ ...rest, peers: [{ ...peer, ...limits }] });
    assert.equal(status(a).keepaliveMs, 1000);
    await sleep(300);
    assert.deepEqual([isUp(a), status(a).establishedCount], [true, 1]);
  });

  test("a peer over its prefix limit waits to be enabled, having warned before", async () => {
    await using a = await start("a", {
      ...{ prefixCountMax: 3, prefixWarningPercent: 50, prefixRestartMs: "never" },
    });
    await using b = await start("b");
    b.announce(prefix);
    b.announce(parsePrefix("10.2.0.0/16"));
    await until("a warning", () => status(a).prefixWarnings.length === 1);
    assert.deepEqual(status(a).prefixWarnings, ["ipv4-unicast"]);
    b.announce(parsePrefix("10.3.0.0/16"));
    b.announce(parsePrefix("10.4.0.0/16"));
    await until("closed", () => !isUp(a));
    await sleep(1000);
    assert.match(String(status(a).reason), /waits to be enabled; last: .*Prefixes Reached/);
    b.withdraw(prefix);
    a.enablePeer(toB);
    await bothUp(a, b);
  });

  test("a peer over its prefix limit stays down for the configured time, whoever dials", async () => {
    await using a = await start("a", { prefixCountMax: 1, prefixRestartMs: 1500 });
    await using b = await start("b");
    b.announce(prefix);
    await bothUp(a, b);
    const second = parsePrefix("10.2.0.0/16");
    b.announce(second);
    await until("closed", () => !isUp(a));
    const closedMs = performance.now();
    b.withdraw(second);
    await bothUp(a, b);
    const tookMs = performance.now() - closedMs;
    assert.ok(tookMs >= 1400, `${tookMs} ms`);
  });

  test("RFC 4271 6.8: a collision with an Established session, where that is detected", async () => {
    const detecting = { collisionDetectEstablished: true, gracefulRestart: false };
    const openOf = (side: Side): Uint8Array => {
      const { asn, ip: routerId } = sides[side];
      return Buffer.concat([
        encodeOpen({ asn, holdTimeS: 90, routerId, capabilities: [] }),
        new Uint8Array(19),
      ]);
    };
    await using a = await start("a", detecting);
    await using b = await start("b", detecting);
    await bothUp(a, b);
    // b has the higher identifier, so what a initiates loses against what is there.
    const lost = await talk(lab.path("a"), sides.a.ip, sides.b.ip, openOf("a"));
    assert.deepEqual(lost, ["type 1", "Cease/Connection Collision Resolution (6/7)"]);
    assert.deepEqual([isUp(a), isUp(b), status(a).establishedCount], [true, true, 1]);
    const won = await talk(lab.path("b"), sides.b.ip, sides.a.ip, openOf("b"));
    assert.deepEqual(won.slice(0, 2), ["type 1", "type 4"]);
    assert.match(String(status(b).lastError?.message), /Connection Collision Resolution \(6\/7\)/);
    await bothUp(a, b);
  });

  test("RFC 9494: routes of a peer that stays away are the last resort, and then go", async () => {
    const longLived = [{ family: "ipv4-unicast", staleTimeMs: 2000 }] as const;
    const graceful = { ...defaultGracefulRestart, restartTimeMs: 1000, longLived };
    const fib = new RecordingFib();
    const a = await run("a", { ...configOf("a"), gracefulRestart: graceful });
    await using b = await run("b", { ...configOf("b"), gracefulRestart: graceful }, fib);
    a.announce(prefix);
    a.announce(parsePrefix("fd00:1::/32"));
    await until("the routes", () => fib.routes.size === 2);
    assert.deepEqual(status(b).capabilities?.longLived, ["ipv4-unicast"]);
    await a.stopForRestart();
    await until("stale", () => status(b).gracefulRestart.staleFamilies.length === 2);
    await until("past the restart time", () => status(b).gracefulRestart.longLivedFamilies[0]);
    assert.deepEqual(status(b).gracefulRestart.staleFamilies, ["ipv4-unicast"]);
    await until("one route left", () => fib.routes.size === 1);
    assert.equal([...b.routes()][0]?.longLivedStale, true);
    await until("none left", () => fib.routes.size === 0, 4000);
    assert.deepEqual(status(b).gracefulRestart.staleFamilies, []);
  });

  test("roles that do not fit are refused with Role Mismatch, and fitting ones are shown", async () => {
    await using a = await start("a", { role: "provider" });
    {
      await using b = await start("b", { role: "peer" });
      const error = await until("refused", () => status(b).lastError ?? status(a).lastError);
      assert.match(error.message, /Role Mismatch \(2\/11\)/);
      assert.equal(isUp(a), false);
    }
    await using b = await start("b", { role: "customer" });
    await bothUp(a, b);
    assert.equal(status(a).capabilities?.peerRole, "customer");
  });

  test("a new prefix limit counts in the running session, from the next UPDATE on", async () => {
    await using a = await start("a", { prefixCountMax: 1 });
    await using b = await start("b");
    await bothUp(a, b);
    const accepted = (): number => status(a).counts.get("ipv4-unicast")?.received ?? 0;
    a.reconfigure(configOf("a", { prefixCountMax: 2, delayOpenMs: 100 }));
    for (const text of ["10.1.0.0/16", "10.2.0.0/16"]) b.announce(parsePrefix(text));
    await until("two routes", () => accepted() === 2);
    a.reconfigure(configOf("a", { prefixCountMax: 1, prefixRestartMs: "never" }));
    assert.deepEqual([isUp(a), status(a).establishedCount], [true, 1]);
    b.announce(parsePrefix("10.3.0.0/16"));
    await until("closed", () => !isUp(a));
    assert.match(String(status(a).lastError?.message), /Maximum Number of Prefixes/);
  });

  test("DelayOpen on both sides still ends in one session", async () => {
    await using a = await start("a", { delayOpenMs: 300 });
    await using b = await start("b", { delayOpenMs: 300 });
    await bothUp(a, b);
    await sleep(300);
    assert.deepEqual([status(a).establishedCount, status(b).establishedCount], [1, 1]);
  });

  test("strict BFD: no session before BFD is up, where both want that", async () => {
    const bfd = { strict: true, txIntervalMs: 100, rxIntervalMs: 100 };
    const order: string[] = [];
    const log = { ...silentLog, info: (text: string) => order.push(text), with: () => log };
    await using a = await Speaker.start(configOf("a", { bfd }), {
      ...{ log, fib: new RecordingFib(), netns: lab.path("a") },
    });
    await using b = await start("b", { bfd });
    await bothUp(a, b);
    assert.equal(status(a).capabilities?.bfdStrict, true);
    assert.equal(status(a).bfd, "Up");
    const bgpAt = order.indexOf("BGP session established");
    assert.ok(bgpAt > order.indexOf("BFD session changed state"), order.join(", "));
  });

  test("whoever connects from a range becomes a peer, up to the limit, and is forgotten", async () => {
    const { peers, ...rest } = configOf("a");
    const { address: _, ...template } = peers[0] as PeerConfig;
    const group = { name: "pods", prefix: parsePrefix("10.0.0.0/29"), template };
    const dynamicPeers = [{ ...group, peerCountMax: 1, idleTimeMs: 600 }];
    await using a = await run("a", { ...rest, peers: [], dynamicPeers });
    lab.ip("b", "addr", "add", "10.0.0.3/29", "dev", "to-a");
    assert.deepEqual(a.peers(), []);
    {
      await using b = await start("b");
      await until("admitted", () => a.peers().length === 1 && isUp(a) && isUp(b));
      assert.deepEqual([status(a).dynamic, status(a).address], ["pods", sides.b.ip]);
      const second = { localAddress: parseIp4("10.0.0.3") };
      const other = { ...configOf("b", second), routerId: parseIp4("10.0.0.3"), listen: [] };
      await using c = await run("b", other);
      await until("refused", () => status(c).lastError?.direction === "received");
      assert.match(String(status(c).lastError?.message), /Connection Rejected \(6\/5\)/);
      assert.equal(a.peers().length, 1);
    }
    await until("forgotten", () => a.peers().length === 0);
    await using b = await start("b");
    await until("admitted again", () => a.peers().length === 1 && isUp(b));
    a.reconfigure({ ...rest, peers: [] });
    await until("range removed", () => a.peers().length === 0 && !isUp(b));
    assert.match(String(status(b).lastError?.message), /Peer De-configured/);
  });

  test("VPN routes go from speaker to speaker and into the sink of who watches them", async () => {
    const vpn: readonly AddressFamily[] = ["ipv4-unicast", "ipv4-vpn", "route-target"];
    const seen: string[] = [];
    const routes = {
      apply: async (changes: readonly RouteChange[]): Promise<void> => {
        for (const { best } of changes) seen.push(best === undefined ? "gone" : best.text);
      },
    };
    const withVpn = (side: Side): SpeakerConfig => ({
      ...configOf(side, { families: vpn }),
      ...{ families: vpn, watchedFamilies: ["ipv4-vpn"] },
    });
    const target = parseRouteTarget("65001:7");
    const { key, payload } = encodeVpnRoute(parseVpnRoute("65001:7:10.7.0.0/24 label 100"));
    const deps = { log: silentLog, fib: new RecordingFib(), netns: lab.path("b") };
    await using a = await run("a", withVpn("a"));
    await using b = await Speaker.start(withVpn("b"), { ...deps, routes });
    a.announceRoute("ipv4-vpn", key, payload, { extendedCommunities: [target] });
    await bothUp(a, b);
    await sleep(300);
    assert.deepEqual(seen, [], "RFC 4684: nobody has asked for it");
    const wanted = encodeRouteTargetConstraint(constraintOf(sides.b.asn, target));
    b.announceRoute("route-target", wanted.key, wanted.payload);
    await until("the route", () => seen.length === 1);
    assert.equal(seen[0], "65001:7:10.7.0.0/24 label 100");
    assert.equal(a.withdrawRoute("ipv4-vpn", key), true);
    await until("gone", () => seen.length === 2);
    assert.equal(seen[1], "gone");
  });

  test("a recorded peer replays to what happened", async () => {
    const lines: string[] = [];
    await using a = await start("a", { passive: true });
    using _recording = a.recordPeer(toB, { write: (line) => lines.push(line) });
    await using b = await start("b");
    b.announce(prefix);
    await bothUp(a, b);
    await until("the route", () => status(a).counts.get("ipv4-unicast")?.received === 1);
    const steps = [...replay(lines)];
    assert.deepEqual(
      steps.filter(({ before, after }) => before !== after).map(({ after }) => after),
      ["OpenSent", "OpenConfirm", "Established"],
    );
    const updates = steps.filter(({ event }) => event.kind === "UpdateMsg");
    assert.equal(updates.length, status(a).messages.received.update);
  });
});
