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
  peers: [],
};

const facts = { restarting: true, ifindexOf: () => undefined, passwords: new Map() };

test("speakerConfigOf() carries the node's own numbers and whether it restarts", () => {
  const config = speakerConfigOf(bgp, facts);
  assert.deepEqual(
    [config.asn, config.routerId, config.families, config.listen, config.peers],
    [65203, bgp.routerId, ["ipv4-unicast", "ipv6-unicast"], defaultListen, []],
  );
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
