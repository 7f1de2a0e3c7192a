import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptAll, acceptDefaultOnly, rejectAll } from "@heddle/bgp";
import { parseAsn, parseIfindex, parseIp, parseIp4, parseIp6 } from "@heddle/inet";
import { defaultListen } from "@heddle/speaker";
import type { NodeBgp, NodePeer } from "./plan-node-bgp.ts";
import { announceOptionsOf, secretsOf, speakerConfigOf } from "./speaker-config.ts";

const bfd = { enabled: true, minTransmitMs: 100, minReceiveMs: 200, detectMultiplier: 4 };

function peer(origin: string, fields: Partial<NodePeer> = {}): NodePeer {
  return {
    origin,
    address: parseIp("172.16.0.0"),
    asn: parseAsn(65201),
    kind: "fabric",
    families: ["IPv4Unicast", "IPv6Unicast"],
    importPolicy: "AcceptDefaultOnly",
    exportPolicy: "AnnounceOwn",
    bfd,
    ...fields,
  };
}

const bgp: NodeBgp = {
  asn: parseAsn(65203),
  routerId: parseIp4("172.16.0.1"),
  holdTimeMs: 9000,
  keepaliveMs: 3000,
  gracefulRestart: { enabled: true, restartTimeMs: 30_000 },
  communities: [],
  monitoringStations: [],
  peers: [],
};

const facts = { restarting: true, ifindexOf: () => undefined, passwords: new Map() };

test("speakerConfigOf() carries the node's own numbers and whether it restarts", () => {
  const config = speakerConfigOf(bgp, facts);
  assert.deepEqual(
    [config.asn, config.routerId, config.listen, config.peers],
    [65203, bgp.routerId, defaultListen, []],
  );
  // The same whoever the peers are: others would be another speaker.
  assert.deepEqual(config.families, [
    ...["ipv4-unicast", "ipv6-unicast", "ipv4-vpn", "ipv6-vpn"],
    ...["evpn", "route-target"],
  ]);
  assert.deepEqual(config.watchedFamilies, ["ipv4-vpn", "ipv6-vpn", "evpn"]);
  assert.equal(config.gracefulRestart?.restartTimeMs, 30_000);
  assert.equal(config.gracefulRestart?.restarting, true);
  const without = { ...bgp, gracefulRestart: { enabled: false, restartTimeMs: 30_000 } };
  assert.equal("gracefulRestart" in speakerConfigOf(without, facts), false);
});

test("speakerConfigOf() gives a peer what is known of it and nothing else", () => {
  const localAddress = parseIp("172.16.0.1");
  const peers = [
    peer("link/a", { localAddress, interface: "leaf1", nextHop6: parseIp6("fd00::1") }),
    peer("link/b", { interface: "gone", families: ["IPv6Unicast"] }),
  ];
  const config = speakerConfigOf(
    { ...bgp, peers },
    {
      ...facts,
      ifindexOf: (name) => (name === "leaf1" ? parseIfindex(7) : undefined),
      passwords: new Map([["link/a", "secret"]]),
    },
  );
  const [first, second] = config.peers;
  assert.deepEqual(
    [first?.localAddress, first?.ifindex, first?.nextHop6, first?.md5, first?.holdTimeMs],
    [localAddress, 7, parseIp6("fd00::1"), "secret", 9000],
  );
  assert.deepEqual(first?.bfd, { txIntervalMs: 100, rxIntervalMs: 200, detectMultiplier: 4 });
  assert.ok(second !== undefined);
  assert.deepEqual(second.families, ["ipv6-unicast"]);
  // Without an own address there is no BFD session, and without an interface no ifindex.
  const absent = ["localAddress", "ifindex", "nextHop4", "nextHop6", "md5", "bfd"];
  assert.deepEqual(
    absent.filter((field) => field in second),
    [],
  );
});

test("speakerConfigOf() holds down the peer whose password is not known, and no other", () => {
  const ref = { namespace: "heddle", name: "bgp", key: "password" };
  const secured = { passwordSecretRef: ref };
  const peers = [peer("link/a", secured), peer("link/b", secured), peer("link/c")];
  const config = speakerConfigOf(
    { ...bgp, peers },
    {
      ...facts,
      passwords: new Map([["link/a", "secret"]]),
      passwordProblems: new Map([["link/b", "no such Secret"]]),
    },
  );
  assert.deepEqual(
    config.peers.map(({ md5, heldDown }) => [md5, heldDown]),
    [
      ["secret", undefined],
      [undefined, "no such Secret"],
      [undefined, undefined],
    ],
  );
});

test("speakerConfigOf() takes the keepalive time, none where there is no hold time", () => {
  const peers = [peer("link/a")];
  const keepaliveOf = (fields: Partial<NodeBgp>): number | undefined =>
    speakerConfigOf({ ...bgp, peers, ...fields }, facts).peers[0]?.keepaliveMs;
  assert.equal(keepaliveOf({ keepaliveMs: 1000 }), 1000);
  assert.equal(keepaliveOf({ holdTimeMs: 0, keepaliveMs: 0 }), undefined);
});

test("speakerConfigOf() has a policy for every word of the API", () => {
  const policies = (
    importPolicy: NodePeer["importPolicy"],
    exportPolicy: NodePeer["exportPolicy"],
  ) => {
    const [only] = speakerConfigOf(
      { ...bgp, peers: [peer("p", { importPolicy, exportPolicy })] },
      facts,
    ).peers;
    return [only?.importPolicy, only?.exportPolicy];
  };
  assert.deepEqual(policies("AcceptAll", "AnnounceAll"), [acceptAll, acceptAll]);
  assert.deepEqual(policies("RejectAll", "AnnounceNone"), [rejectAll, rejectAll]);
  const [accepted, announced] = policies("AcceptDefaultOnly", "AnnounceOwn");
  assert.deepEqual(accepted, acceptDefaultOnly);
  // A node that passed on what a leaf told it would be a transit between leaves.
  assert.deepEqual(announced?.terms, [{ match: { asPathLengthMax: 0 }, verdict: "accept" }]);
  assert.equal(announced?.otherwise, "reject");
});

const reflector: Partial<NodePeer> = {
  ...{ kind: "reflector", asn: bgp.asn, port: 1790, tlsName: "rs1.route-servers.heddle" },
  ...{ families: ["IPv4Unicast", "EVPN", "RouteTarget"], importPolicy: "AcceptAll" },
};

test("speakerConfigOf() takes no unicast route of a reflector, which the kernel would have", () => {
  const peers = [peer("bgppeer/rs1", reflector)];
  const verdictOf = (importPolicy: NodePeer["importPolicy"]) => {
    const [only] = speakerConfigOf(
      { ...bgp, peers: [peer("p", { ...reflector, importPolicy })] },
      facts,
    ).peers;
    return only?.importPolicy;
  };
  const [only] = speakerConfigOf({ ...bgp, peers }, facts).peers;
  assert.deepEqual([only?.kind, only?.port], ["reflector", 1790]);
  assert.deepEqual(only?.families, ["ipv4-unicast", "evpn", "route-target"]);
  const accepted = verdictOf("AcceptAll");
  assert.deepEqual(accepted?.terms, [
    {
      match: { families: ["ipv4-vpn", "ipv6-vpn", "evpn", "route-target"] },
      verdict: "accept",
    },
  ]);
  assert.equal(accepted?.otherwise, "reject");
  assert.deepEqual(verdictOf("RejectAll"), rejectAll);
});

test("speakerConfigOf() dials over TLS with the node's certificate, and not without", () => {
  const peers = [
    peer("bgppeer/rs1", reflector),
    peer("link/a", { address: parseIp("172.16.0.2") }),
  ];
  const tls = { certificate: "c", key: "k", authorities: "a" };
  const shown = (some: Partial<typeof facts> & { tls?: typeof tls; tlsProblem?: string }) => {
    const config = speakerConfigOf({ ...bgp, peers }, { ...facts, ...some });
    return [config.tls, ...config.peers.map((each) => [each.tls, each.heldDown])];
  };
  const name = "rs1.route-servers.heddle";
  assert.deepEqual(shown({ tls, tlsProblem: "the new one is torn" }), [
    tls,
    [{ name }, undefined],
    [undefined, undefined],
  ]);
  assert.deepEqual(shown({ tlsProblem: "no such file" }), [
    undefined,
    [undefined, "no such file"],
    [undefined, undefined],
  ]);
});

test("secretsOf() names the Secrets of the peers that have one", () => {
  const ref = { namespace: "kube-system", name: "bgp", key: "password" };
  const peers = [peer("link/a"), peer("bgppeer/b", { passwordSecretRef: ref })];
  assert.deepEqual(secretsOf({ ...bgp, peers }), [{ origin: "bgppeer/b", ref }]);
});

test("announceOptionsOf() tells communities from large ones", () => {
  const communities = ["65203:100", "65535:65535", "4294967295:1:100"];
  assert.deepEqual(announceOptionsOf({ ...bgp, communities }), {
    communities: [0xfeb3_0064, 0xffff_ffff],
    largeCommunities: [[4_294_967_295, 1, 100]],
  });
});
