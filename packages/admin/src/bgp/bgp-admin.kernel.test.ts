/** A speaker with two peers over the loopback, asked over its admin socket and by the CLI. */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import {
  acceptAll,
  type EvpnRoute,
  encodeEvpnRoute,
  formatEvpnKey,
  type Policy,
} from "@heddle/bgp";
import {
  type Asn,
  type Ip,
  parseAsn,
  parseEsi,
  parseIp,
  parseIp4,
  parsePrefix,
  parseRouteDistinguisher,
} from "@heddle/inet";
import { noFib, type PeerConfig, Speaker, type SpeakerConfig } from "@heddle/speaker";
import { silentLog } from "@heddle/std";
import { eventually } from "@heddle/system/testing";
import { AdminServer } from "../admin-server.ts";
import type { ExplanationView, PeerView, RoutePageView } from "./bgp-api.ts";
import { bgpActions, bgpRoutes } from "./bgp-routes.ts";

const centre = parseIp("127.19.0.1");
const heddle = path.resolve(import.meta.dirname, "../../../../bin/heddle");
const folder = mkdtempSync(path.join(tmpdir(), "hops-"));
const socketPath = path.join(folder, "admin.sock");
const families = ["ipv4-unicast", "evpn"] as const;
const owned = new AsyncDisposableStack();
let speaker: Speaker;
let left: Speaker;

/** From the left peer, what is tagged becomes preferred. */
const preferTagged: Policy = {
  name: "prefer-tagged",
  terms: [
    {
      name: "tagged",
      match: { communities: [((65001 << 16) | 7) >>> 0] },
      verdict: "accept",
      actions: { localPref: 200 },
    },
  ],
  otherwise: "accept",
};

function peerOf(address: string, asn: number, more: Partial<PeerConfig> = {}): PeerConfig {
  const policies = { importPolicy: acceptAll, exportPolicy: acceptAll };
  return {
    address: parseIp(address),
    asn: parseAsn(asn),
    kind: "fabric",
    families,
    ...policies,
    ...more,
  };
}

function configOf(asn: number, routerId: string, more: Partial<SpeakerConfig>): SpeakerConfig {
  return {
    ...{ asn: parseAsn(asn), routerId: parseIp4(routerId), families, listen: [], peers: [] },
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
    timers: { idleHoldMinMs: 20, idleHoldMaxMs: 50, connectRetryMs: 100 },
    forwarding: false,
    ...more,
  };
}

async function start(config: SpeakerConfig): Promise<Speaker> {
  return owned.use(await Speaker.start(config, { fib: noFib, log: silentLog }));
}

function neighborOf(local: Ip, asn: number, routerId: string, port: number): SpeakerConfig {
  const nextHop4 = parseIp4(routerId);
  const more = { localAddress: local, port, nextHop4 };
  return configOf(asn, routerId, { peers: [peerOf("127.19.0.1", 65000, more)] });
}

async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!isSo()) {
    assert.ok(performance.now() < deadline, String(isSo));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

before(async () => {
  const passive = { localAddress: centre, passive: true, nextHop4: parseIp4("192.0.2.1") };
  speaker = await start(
    configOf(65000, "192.0.2.1", {
      listen: [{ address: centre, port: 0 }],
      peers: [
        peerOf("127.19.0.2", 65001, { ...passive, importPolicy: preferTagged }),
        peerOf("127.19.0.3", 65002, passive),
        peerOf("127.19.0.4", 65003, passive),
      ],
    }),
  );
  const port = speaker.listening[0]?.port ?? assert.fail("nobody listens");
  left = await start(neighborOf(parseIp("127.19.0.2"), 65001, "192.0.2.2", port));
  const right = await start(neighborOf(parseIp("127.19.0.3"), 65002, "192.0.2.3", port));
  const communities = [(65001 << 16) | 7].map((value) => value >>> 0);
  for (let i = 0; i < 2500; i += 1) {
    left.announce(parsePrefix(`10.${i >> 8}.${i & 0xff}.0/24`));
  }
  const asPath = [{ type: "sequence", asns: [64999 as Asn] }] as const;
  left.announce(parsePrefix("192.168.0.0/24"), { communities, asPath });
  right.announce(parsePrefix("192.168.0.0/24"));
  right.announce(parsePrefix("10.200.7.0/24"), { med: 5 });
  const admin = { node: "centre", speaker: () => speaker };
  owned.use(
    await AdminServer.start({
      ...{ socketPath, log: silentLog },
      routes: bgpRoutes(admin),
      actions: bgpActions(admin),
      metrics: async () => ({ contentType: "text/plain", text: "" }),
    }),
  );
  await until(() => [...speaker.routes()].length === 2503);
});

after(async () => {
  await owned.disposeAsync();
  rmSync(folder, { recursive: true });
});

function ask<T>(target: string, method = "GET"): Promise<{ status: number; body: T }> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, path: target, method }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("end", () =>
        resolve({ status: response.statusCode as number, body: JSON.parse(text) as T }),
      );
    });
    request.on("error", reject).end();
  });
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function cli(...args: readonly string[]): Promise<Outcome> {
  const env = { ...process.env, HEDDLE_FROM_SOURCE: "1", NO_COLOR: "1" };
  const all = ["bgp", ...args, "--socket", socketPath];
  return new Promise((resolve) => {
    execFile(heddle, all, { env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

test("a table goes out in pages, and every route is on one of them", async () => {
  const seen: string[] = [];
  let cursor: string | null = null;
  let pageCount = 0;
  do {
    const more: string = cursor === null ? "" : `&cursor=${cursor}`;
    const { body } = await ask<RoutePageView>(`/v1/bgp/routes?limit=500${more}`);
    assert.ok(body.routes.length <= 501, "routes of one key stay together");
    for (const { route, peer } of body.routes) seen.push(`${route} ${peer}`);
    cursor = body.next;
    pageCount += 1;
  } while (cursor !== null);
  assert.deepEqual([seen.length, new Set(seen).size, pageCount], [2503, 2503, 7]);
});

test("bad questions are refused with what would be right", async () => {
  const refusals = [
    ["routes?family=ipv5", 400, /^family "ipv5", want one of ipv4, ipv6, ipv4-unicast/],
    ["routes?cursor=x", 400, /^cursor "x", want the next of a page/],
    ["routes?limit=0", 400, /^limit "0", want a whole number from 1 to 5000/],
    ["routes?limit=0x10", 400, /^limit "0x10", want a whole number from 1 to 5000/],
    ["routes?family=ipv4&cursor=evpn.0", 400, /^cursor "evpn\.0", want the next of a page/],
    ["peers?peer=fe80::1%253%254", 400, /Cannot parse ifindex "3%4"/],
    ["routes?route=10.0.0.0/33", 400, /10\.0\.0\.0\/33/],
    ["routes?route=2001:db8::/32&family=ipv4", 400, /of family ipv6-unicast, want one of ipv4/],
    ["routes?table=adj-rib-in", 400, /^no peer, want the address of one/],
    ["routes?peer=127.19.0.9", 404, /^no BGP peer 127\.19\.0\.9/],
    ["explain?route=172.16.0.0/12", 404, /^no route 172\.16\.0\.0\/12 here/],
    ["explain?route=2001:db8::1", 404, /^no route 2001:db8::1 here/],
    ["explain?family=evpn&route=x", 400, /x/],
  ] as const;
  for (const [target, status, message] of refusals) {
    const answer = await ask<{ message: string }>(`/v1/bgp/${target}`);
    assert.equal(answer.status, status, target);
    assert.match(answer.body.message, message);
  }
  const soft = await ask<{ message: string }>("/v1/bgp/reset?peer=127.19.0.4&soft=in", "POST");
  assert.deepEqual([soft.status, /there is no session/.test(soft.body.message)], [409, true]);
});

test("explain says how each path fared, and who is sent what", async () => {
  const { body } = await ask<ExplanationView>("/v1/bgp/explain?route=192.168.0.1");
  assert.deepEqual(
    body.paths.map(({ peer, localPref, decision, policy }) => [
      ...[peer, localPref, decision.best, decision.lostBy, policy?.decidedBy],
    ]),
    [
      ["127.19.0.2", 200, true, null, "tagged"],
      ["127.19.0.3", null, false, "local-pref", "otherwise"],
    ],
  );
  assert.deepEqual(
    body.exports.map(({ peer, notSent, sent }) => [peer, notSent, sent?.asPath]),
    [
      ["127.19.0.2", "split-horizon", undefined],
      ["127.19.0.3", null, "65000 65001 64999"],
    ],
  );
});

test("the CLI shows peers, routes and explanations", async () => {
  const table = await cli("peers");
  assert.equal(table.code, 1);
  assert.match(table.stderr, /^heddle: 1 of 3 sessions are down/);
  assert.match(table.stdout, /centre +127\.19\.0\.2 +65001 +Established .* 2501 +2501 +1 +-/);
  const one = await cli("peer", "127.19.0.2");
  assert.equal(one.code, 0, one.stderr);
  assert.match(one.stdout, /state +Established\n(?:.*\n)*.*ipv4-unicast +yes +2501 +2501 +0 +1 /);
  const all = await cli("-o", "json", "routes");
  assert.equal((JSON.parse(all.stdout) as unknown[]).length, 2503);
  const exact = await cli("routes", "192.168.0.0/24");
  assert.match(exact.stdout, /> {2}192\.168\.0\.0\/24 {2}127\.19\.0\.2 .* 200 .*best of 2\n/);
  assert.match(exact.stdout, /127\.19\.0\.3 .*lost by local-pref\n/);
  const longer = await cli("routes", "10.1.0.0/16", "--longer");
  assert.equal(longer.stdout.trim().split("\n").length, 257);
  const sent = await cli("routes", "--peer", "127.19.0.2", "--advertised");
  assert.match(sent.stdout, /10\.200\.7\.0\/24 +127\.19\.0\.2 +192\.0\.2\.1 +65000 65002/);
  const received = await cli("routes", "192.168.0.0/24", "--peer", "127.19.0.3", "--received");
  assert.match(received.stdout, /192\.168\.0\.0\/24 +127\.19\.0\.3 +192\.0\.2\.3 +65002 /);
  const why = await cli("explain", "192.168.0.0/24");
  assert.match(why.stdout, /2\. from 127\.19\.0\.3: lost to path 1: its LOCAL_PREF is lower/);
  assert.match(why.stdout, /LOCAL_PREF: absent -> 200/);
  assert.match(why.stdout, /127\.19\.0\.2: not sent, it came from this peer/);
  const none = await cli("routes", "172.16.0.0/12");
  assert.deepEqual([none.code, none.stderr], [1, "heddle: no route 172.16.0.0/12\n"]);
  const wrong = await cli("routes", "--received");
  assert.equal(wrong.code, 2);
});

test("a route with a label is found by its name alone, and as it is shown", async () => {
  const route: EvpnRoute = {
    ...{ kind: "ip-prefix" as const, rd: parseRouteDistinguisher("192.0.2.2:7"), ethernetTag: 0 },
    ...{ esi: parseEsi("00:00:00:00:00:00:00:00:00:00"), prefix: parsePrefix("10.7.0.0/24") },
    ...{ gateway: parseIp("0.0.0.0"), label: 10_007 },
  };
  const { key, payload } = encodeEvpnRoute(route);
  left.announceRoute("evpn", key, payload);
  const name = formatEvpnKey(route);
  const query = new URLSearchParams({ family: "evpn", table: "adj-rib-in", route: name });
  const shown = await eventually("the route", async () => {
    const target = `/v1/bgp/routes?${query}&peer=127.19.0.2`;
    const { status, body } = await ask<RoutePageView>(target);
    assert.equal(status, 200, JSON.stringify(body));
    return body.routes.at(0)?.route;
  });
  assert.match(shown, /label 10007/);
  const exact = await cli("explain", shown, "--family", "evpn");
  assert.equal(exact.code, 0, exact.stderr);
});

test("the CLI shuts a session down with a text, and enables it again", async () => {
  assert.equal((await cli("shutdown", "127.19.0.2", "--text", "ticket 4711")).code, 0);
  await until(() => left.peers()[0]?.state !== "Established");
  const { body } = await ask<PeerView[]>("/v1/bgp/peers?peer=127.19.0.2");
  assert.deepEqual(
    body.map(({ state, reason, flaps }) => [state, reason, flaps]),
    [["Idle", "shut down by the operator: ticket 4711", 1]],
  );
  assert.equal((await cli("enable", "127.19.0.2")).code, 0);
  await until(() => speaker.peers()[0]?.state === "Established");
  assert.equal((await cli("reset", "127.19.0.2", "--soft", "out")).code, 0);
  const unknown = await cli("reset", "127.19.0.9");
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /refused: no BGP peer 127\.19\.0\.9/);
});

test("the CLI captures the messages of a peer, and tcpdump reads them", async () => {
  const file = path.join(folder, "bgp.pcapng");
  const running = cli("capture", "--peer", "127.19.0.2", "--seconds", "3", "--out", file);
  let med = 0;
  const changes = setInterval(() => {
    med += 1;
    left.announce(parsePrefix("172.20.0.0/16"), { med });
  }, 100);
  const { code, stderr } = await running;
  clearInterval(changes);
  assert.deepEqual([code, stderr], [0, ""]);
  const text = execFileSync("tcpdump", ["-n", "-v", "-r", file], { encoding: "utf8" });
  assert.match(text, /127\.19\.0\.2\.\d+ > 127\.19\.0\.1\.\d+: .*cksum 0x[0-9a-f]+ \(correct\)/);
  const bytes = readFileSync(file);
  assert.ok(bytes.includes(Buffer.from([16, 172, 20])), "the announcement is in it");
});
