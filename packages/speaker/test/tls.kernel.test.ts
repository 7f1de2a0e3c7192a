/** Sessions inside TLS over loopback. Needs the addon and openssl. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { acceptAll } from "@heddle/bgp";
import { type Ip4, parseAsn, parseIp4, parsePrefix, prefixOf } from "@heddle/inet";
import { silentLog } from "@heddle/std";
import {
  type PeerConfig,
  type PeerStatus,
  Speaker,
  type SpeakerConfig,
  SpeakerError,
  type TlsConfig,
} from "../src/mod.ts";
import { Authority } from "./testing/certificates.ts";
import { until } from "./testing/lab.ts";
import { RecordingFib } from "./testing/recording-fib.ts";

const server = parseIp4("127.9.4.1");
const agent = parseIp4("127.9.4.2");
const base = {
  families: ["ipv4-unicast"],
  multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
  timers: { connectRetryMs: 500, idleHoldMinMs: 50, idleHoldMaxMs: 200 },
} as const;
const both = {
  kind: "fabric",
  families: ["ipv4-unicast"],
  importPolicy: acceptAll,
  exportPolicy: acceptAll,
} as const;

function serverConfig(tls: TlsConfig, peer: Partial<PeerConfig> = {}): SpeakerConfig {
  const agentPeer = {
    ...{ ...both, address: agent, localAddress: server, asn: parseAsn(65002), passive: true },
    nextHop4: parseIp4("192.0.2.1"),
    ...{ tls: { name: "agent-1.example" }, ...peer },
  };
  return {
    ...base,
    ...{ asn: parseAsn(65001), routerId: parseIp4("192.0.2.1"), tls, peers: [agentPeer] },
    listen: [{ address: server, port: 0, tls: true }],
  };
}

function agentConfig(port: number, tls: TlsConfig | undefined, name: string): SpeakerConfig {
  const peer = {
    ...{ ...both, address: server, port, localAddress: agent, asn: parseAsn(65001) },
    nextHop4: parseIp4("192.0.2.2"),
    ...(tls === undefined ? {} : { tls: { name } }),
  };
  return {
    ...base,
    ...{ asn: parseAsn(65002), routerId: parseIp4("192.0.2.2"), peers: [peer], listen: [] },
    ...(tls === undefined ? {} : { tls }),
  };
}

describe("BGP inside TLS", { timeout: 60_000 }, () => {
  const authority = new Authority();
  const stranger = new Authority();
  let serverTls: TlsConfig;
  let agentTls: TlsConfig;
  before(() => {
    serverTls = authority.sign("route-server.example");
    agentTls = authority.sign("agent-1.example");
  });
  after(() => {
    authority[Symbol.dispose]();
    stranger[Symbol.dispose]();
  });

  const run = (config: SpeakerConfig, fib = new RecordingFib()): Promise<Speaker> =>
    Speaker.start(config, { log: silentLog, fib });
  const status = (speaker: Speaker): PeerStatus => speaker.peers()[0] as PeerStatus;
  const isUp = (speaker: Speaker): boolean => status(speaker).state === "Established";
  const portOf = (speaker: Speaker): number => speaker.listening[0]?.port ?? 0;

  test("both sides are known by their certificates, and routes pass both ways", async () => {
    const fib = new RecordingFib();
    await using rs = await run(serverConfig(serverTls), fib);
    await using node = await run(agentConfig(portOf(rs), agentTls, "route-server.example"));
    await until("established", () => isUp(rs) && isUp(node));
    assert.equal(status(rs).certificateName, "agent-1.example");
    assert.equal(status(node).certificateName, "route-server.example");
    for (let i = 0; i < 20_000; i += 1) {
      node.announce(prefixOf((0x14000000 + i * 256) as Ip4, 24));
    }
    await until("all routes", () => fib.routes.size === 20_000);
    rs.announce(parsePrefix("10.1.0.0/16"));
    await until("the other way", () => status(node).counts.get("ipv4-unicast")?.received === 1);
    node.shutdownPeer({ address: server }, "bye");
    await until("closed", () => !isUp(rs));
    assert.match(String(status(rs).lastError?.message), /Administrative Shutdown .*bye/);
  });

  const refusals: readonly (readonly [
    name: string,
    tls: () => TlsConfig | undefined,
    serverName: string,
    peer: Partial<PeerConfig>,
  ])[] = [
    [
      "a certificate of another name",
      () => agentTls,
      "route-server.example",
      { tls: { name: "agent-2.example" } },
    ],
    [
      "a certificate of another authority",
      () => stranger.sign("agent-1.example"),
      "route-server.example",
      {},
    ],
    ["a server of another name", () => agentTls, "other.example", {}],
    ["plain TCP", () => undefined, "", {}],
  ];
  for (const [name, tls, serverName, peer] of refusals) {
    test(`${name} makes no session`, async () => {
      await using rs = await run(serverConfig(serverTls, peer));
      await using node = await run(agentConfig(portOf(rs), tls(), serverName));
      await until("a failure", () => status(node).lastError);
      await sleep(200);
      assert.deepEqual([isUp(rs), isUp(node), status(rs).establishedCount], [false, false, 0]);
    });
  }

  test("another protocol with a good certificate is turned away", async () => {
    await using rs = await run(serverConfig(serverTls));
    const { certificate: cert, key, authorities: ca } = agentTls;
    const socket = connect({
      ...{ host: "127.9.4.1", port: portOf(rs), localAddress: "127.9.4.2" },
      ...{ cert, key, ca, servername: "route-server.example", ALPNProtocols: ["h2"] },
    });
    await once(socket, "error");
    assert.equal(socket.destroyed, true);
    assert.equal(status(rs).messages.received.open, 0);
  });

  test("an address that is no peer's is turned away before the handshake", async () => {
    const warnings: unknown[] = [];
    const log = { ...silentLog, warn: (_: string, fields?: unknown) => warnings.push(fields) };
    await using rs = await Speaker.start(serverConfig(serverTls), {
      ...{ log, fib: new RecordingFib() },
    });
    const from = { host: "127.9.4.1", port: portOf(rs), localAddress: "127.9.4.3" };
    const socket = connectTcp(from).resume();
    // It says nothing: a server that waited for its half of the handshake would take 10 s.
    await once(socket, "close", { signal: AbortSignal.timeout(3000) });
    assert.equal(socket.bytesRead, 0);
    assert.deepEqual(warnings, [{ remote: "127.9.4.3", why: "its address is unknown" }]);
  });

  test("a renewed certificate is used for new sessions, and ends none", async () => {
    await using rs = await run(serverConfig(serverTls));
    await using node = await run(agentConfig(portOf(rs), agentTls, "route-server.example"));
    await until("established", () => isUp(rs) && isUp(node));
    rs.reconfigure(serverConfig(authority.sign("route-server.example")));
    node.reconfigure(
      agentConfig(portOf(rs), authority.sign("agent-1.example"), "route-server.example"),
    );
    await sleep(200);
    assert.deepEqual([isUp(rs), isUp(node)], [true, true]);
    node.resetPeer({ address: server });
    await until("a new session", () => isUp(rs) && status(node).establishedCount === 2);
  });

  test("what TLS cannot be combined with is refused", async () => {
    const wrong: readonly (readonly [Partial<PeerConfig>, RegExp])[] = [
      [{ md5: "x" }, /tls and md5, want one of them/],
      [{ ttlSecurity: true }, /tls and ttlSecurity, want one/],
      [{ passive: false, tls: {} }, /tls.name undefined, want the DNS name/],
    ];
    for (const [peer, why] of wrong) {
      await assert.rejects(
        run(serverConfig(serverTls, peer)),
        (error) => error instanceof SpeakerError && why.test(error.message),
      );
    }
  });
});
