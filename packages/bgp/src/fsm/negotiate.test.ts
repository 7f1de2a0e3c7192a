import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAsn, parseIp4 } from "@heddle/inet";
import { DecodeError, type NotificationCause } from "../errors.ts";
import type { AddressFamily } from "../packet/address-family.ts";
import { headerLength } from "../packet/framing.ts";
import { ceaseSubcodes, errorCodes } from "../packet/iana.ts";
import { hardReset } from "../packet/notification.ts";
import { decodeOpen, encodeOpen, type Open } from "../packet/open.ts";
import type { BgpRole } from "../rib/peer.ts";
import { collisionSurvivor } from "./collision.ts";
import type { SessionEvent } from "./events.ts";
import { negotiate } from "./negotiate.ts";
import { type LocalSide, openOf } from "./offer.ts";
import { mayHaveRestarted, notificationFor, retainedFamilies } from "./retention.ts";

const local: LocalSide = {
  asn: parseAsn(65203),
  routerId: parseIp4("10.0.0.3"),
  holdTimeMs: 9000,
  families: ["ipv4-unicast", "ipv6-unicast"],
  gracefulRestart: { restartTimeMs: 120_000, restarting: false, forwarding: true },
};
const leafAsn = parseAsn(65201);
const leaf: LocalSide = { ...local, asn: leafAsn, routerId: parseIp4("10.0.0.1") };

test("two speakers agree on everything both can do", () => {
  assert.deepEqual(negotiate(local, leafAsn, openOf({ ...leaf, holdTimeMs: 3000 })), {
    peerAsn: leafAsn,
    peerRouterId: leaf.routerId,
    external: true,
    holdTimeMs: 3000,
    families: ["ipv4-unicast", "ipv6-unicast"],
    fourOctetAs: true,
    extendedMessage: true,
    routeRefresh: true,
    confederationExternal: false,
    enhancedRouteRefresh: true,
    addPathReceive: [],
    addPathSend: [],
    extendedNextHop: [],
    bfdStrict: false,
    peerGracefulRestart: {
      restarting: false,
      restartTimeMs: 120_000,
      notification: true,
      families: ["ipv4-unicast", "ipv6-unicast"],
      forwarding: ["ipv4-unicast", "ipv6-unicast"],
      longLived: [],
      longLivedForwarding: [],
    },
  });
});

test("a peer without capabilities carries IPv4 with two-octet AS numbers", () => {
  const open: Open = {
    asn: 65201,
    holdTimeS: 0,
    routerId: parseIp4("10.0.0.1"),
    capabilities: [],
  };
  const agreed = negotiate(local, leafAsn, open);
  assert.deepEqual(agreed.families, ["ipv4-unicast"]);
  assert.equal(agreed.fourOctetAs, false);
  assert.equal(agreed.holdTimeMs, 0);
  assert.equal(agreed.peerGracefulRestart, undefined);
});

test("negotiate() refuses a wrong AS, our own identifier inside the AS, and no common family", () => {
  const refused = (expected: number, open: Open): string => {
    try {
      negotiate(local, parseAsn(expected), open);
    } catch (error) {
      assert.ok(error instanceof DecodeError);
      const { code, subcode, data } = error.notification;
      return `${code}/${subcode} ${data.toHex()}`;
    }
    return "accepted";
  };
  assert.equal(refused(65202, openOf(leaf)), "2/2 ");
  const twin = { ...local, asn: local.asn };
  assert.equal(refused(65203, openOf(twin)), "2/3 ");
  assert.equal(refused(65201, openOf({ ...leaf, routerId: local.routerId })), "accepted");
  const vpn = { ...openOf(leaf), capabilities: [{ kind: "multiprotocol", afi: 25, safi: 70 }] };
  assert.equal(refused(65201, vpn as Open), "2/7 010400010001010400020001");
});

test("RFC 4271 6.8: the connection of the higher identifier survives; RFC 6286: then of the higher AS", () => {
  const peer = { routerId: leaf.routerId, asn: leafAsn };
  assert.equal(collisionSurvivor(local, peer), "initiated");
  assert.equal(collisionSurvivor(peer, local), "accepted");
  const same = { routerId: local.routerId, asn: leafAsn };
  assert.equal(collisionSurvivor(local, same), "initiated");
  assert.equal(collisionSurvivor(same, local), "accepted");
});

const plain: NotificationCause = { code: errorCodes.cease, subcode: 4, data: new Uint8Array(0) };
const ends: readonly (readonly [
  name: string,
  event: SessionEvent,
  withN: boolean,
  withoutN: boolean,
])[] = [
  ["a lost connection", { kind: "TcpConnectionFails", message: "" }, true, true],
  ["a new connection", { kind: "TcpConnectionConfirmed" }, true, true],
  ["a NOTIFICATION", { kind: "NotifMsg", cause: plain }, true, false],
  ["a hard reset", { kind: "NotifMsg", cause: hardReset(plain) }, false, false],
  ["a hold timer", { kind: "HoldTimer_Expires" }, true, false],
  ["BFD", { kind: "BfdDown" }, false, false],
  ["our own stop", { kind: "ManualStop", cause: plain, silent: false }, false, false],
  ["a malformed UPDATE", { kind: "UpdateMsgErr", cause: plain, message: "" }, false, false],
];
for (const [name, event, withN, withoutN] of ends) {
  test(`routes across ${name}: kept with N bit ${withN}, without ${withoutN}`, () => {
    const agreed = negotiate(local, leafAsn, openOf(leaf));
    const graceful = agreed.peerGracefulRestart;
    assert.ok(graceful !== undefined);
    assert.equal(retainedFamilies(agreed, event).length > 0, withN);
    const old = { ...agreed, peerGracefulRestart: { ...graceful, notification: false } };
    assert.equal(retainedFamilies(old, event).length > 0, withoutN);
    const { peerGracefulRestart: _, ...none } = agreed;
    assert.deepEqual(retainedFamilies(none, event), []);
  });
}

test("RFC 8538 5.1: what is final is a hard reset for a peer that would keep our routes", () => {
  const agreed = negotiate(local, leafAsn, openOf(leaf));
  const { code } = plain;
  const isHard = (subcode: number): boolean => {
    const cause = { ...plain, code, subcode };
    const sent = notificationFor(agreed, cause);
    assert.equal(notificationFor(undefined, cause), cause);
    assert.deepEqual(sent, sent === cause ? cause : hardReset(cause));
    return sent !== cause;
  };
  const hard = Object.entries(ceaseSubcodes).filter(([, subcode]) => isHard(subcode));
  assert.deepEqual(
    hard.map(([name]) => name),
    ["maxPrefixes", "administrativeShutdown", "peerDeconfigured", "administrativeReset", "bfdDown"],
  );
  const other = { ...plain, code: errorCodes.updateMessage, subcode: 1 };
  assert.equal(notificationFor(agreed, other), other);
});

/** An OPEN as the other side reads it. */
function throughWire(side: LocalSide): Open {
  return decodeOpen(encodeOpen(openOf(side)).subarray(headerLength));
}

test("RFC 7911: a direction of add-path needs the one side to send and the other to receive", () => {
  const [family, other] = ["ipv4-unicast", "ipv6-unicast"] as const;
  const own: LocalSide = {
    ...local,
    addPath: [
      { family, receive: true, send: false },
      { family: other, receive: true, send: true },
    ],
  };
  const agreedWith = (addPath: LocalSide["addPath"]): string => {
    const peer = throughWire({ ...leaf, ...(addPath === undefined ? {} : { addPath }) });
    const { addPathReceive, addPathSend } = negotiate(own, leafAsn, peer);
    return `receive ${addPathReceive} send ${addPathSend}`;
  };
  assert.equal(agreedWith(undefined), "receive  send ");
  assert.equal(agreedWith([{ family, receive: true, send: true }]), "receive ipv4-unicast send ");
  assert.equal(
    agreedWith([{ family: other, receive: true, send: true }]),
    "receive ipv6-unicast send ipv6-unicast",
  );
  assert.equal(
    agreedWith([{ family: other, receive: true, send: false }]),
    "receive  send ipv6-unicast",
  );
});

test("RFC 8950: an extended next hop needs both sides to name the family", () => {
  const own: LocalSide = { ...local, extendedNextHop: ["ipv4-unicast"] };
  const agreed = negotiate(
    own,
    leafAsn,
    throughWire({ ...leaf, extendedNextHop: ["ipv4-unicast"] }),
  );
  assert.deepEqual(agreed.extendedNextHop, ["ipv4-unicast"]);
  assert.deepEqual(negotiate(own, leafAsn, throughWire(leaf)).extendedNextHop, []);
});

test("RFC 9494: long-lived times are the peer's, of families that both sides name", () => {
  const graceful = { restartTimeMs: 120_000, restarting: false, forwarding: true };
  const sideWith = (
    base: LocalSide,
    staleTimeMs: number,
    families: readonly AddressFamily[],
  ): LocalSide => {
    const longLived = families.map((family) => ({ family, staleTimeMs }));
    return { ...base, gracefulRestart: { ...graceful, longLived } };
  };
  const own = sideWith(local, 60_000, ["ipv4-unicast"]);
  const peer = sideWith(leaf, 16_777_215_000, ["ipv4-unicast", "ipv6-unicast"]);
  const agreed = negotiate(own, leafAsn, throughWire(peer)).peerGracefulRestart;
  assert.deepEqual(agreed?.longLived, [{ family: "ipv4-unicast", staleTimeMs: 16_777_215_000 }]);
  assert.deepEqual(agreed?.longLivedForwarding, ["ipv4-unicast"]);
  // 4.1: the restart time may be left out for a family.
  const open = throughWire(peer);
  const skipping = open.capabilities.map((c) =>
    c.kind === "graceful-restart" ? { ...c, families: [] } : c,
  );
  const only = negotiate(own, leafAsn, { ...open, capabilities: skipping });
  assert.deepEqual(only.peerGracefulRestart?.families, []);
  assert.deepEqual(only.peerGracefulRestart?.longLived, agreed?.longLived);
  const lost: SessionEvent = { kind: "TcpConnectionFails", message: "" };
  assert.deepEqual(retainedFamilies(only, lost), ["ipv4-unicast"]);
  assert.equal(mayHaveRestarted(only), true);
  const alone = throughWire(peer).capabilities.filter((c) => c.kind !== "graceful-restart");
  const without = negotiate(own, leafAsn, { ...throughWire(peer), capabilities: alone });
  assert.equal(without.peerGracefulRestart, undefined);
});

const fitting: readonly (readonly [BgpRole, BgpRole])[] = [
  ["provider", "customer"],
  ["customer", "provider"],
  ["rs", "rs-client"],
  ["rs-client", "rs"],
  ["peer", "peer"],
];

test("RFC 9234 4.2: every pair of roles but the five that fit is a Role Mismatch", () => {
  const roles: readonly BgpRole[] = ["provider", "rs", "rs-client", "customer", "peer"];
  for (const own of roles) {
    for (const theirs of roles) {
      const agree = (): unknown =>
        negotiate({ ...local, role: own }, leafAsn, throughWire({ ...leaf, role: theirs }))
          .peerRole;
      const fits = fitting.some(([a, b]) => a === own && b === theirs);
      if (fits) assert.equal(agree(), theirs);
      else assert.throws(agree, isRoleMismatch, `${own} with ${theirs}`);
    }
  }
});

function isRoleMismatch(error: unknown): boolean {
  if (!(error instanceof DecodeError)) return false;
  const { code, subcode } = error.notification;
  return code === 2 && subcode === 11;
}

test("RFC 9234 4.2: a peer without a role is refused in strict mode only", () => {
  const own: LocalSide = { ...local, role: "peer" };
  assert.equal(negotiate(own, leafAsn, throughWire(leaf)).peerRole, undefined);
  assert.throws(
    () => negotiate({ ...own, strictRole: true }, leafAsn, throughWire(leaf)),
    isRoleMismatch,
  );
});

test("RFC 5065: another member AS is neither external nor internal", () => {
  const own: LocalSide = { ...local, confederationMember: true };
  const agreed = negotiate(own, leafAsn, throughWire(leaf));
  assert.deepEqual([agreed.external, agreed.confederationExternal], [false, true]);
});

test("strict BFD and the host name are what both, or the peer, say", () => {
  const strict = { bfdStrict: true };
  const peer = throughWire({ ...leaf, ...strict, hostname: "leaf1" });
  const agreed = negotiate({ ...local, ...strict }, leafAsn, peer);
  assert.deepEqual([agreed.bfdStrict, agreed.peerHostname], [true, "leaf1"]);
  assert.equal(negotiate(local, leafAsn, peer).bfdStrict, false);
  assert.equal(negotiate({ ...local, ...strict }, leafAsn, throughWire(leaf)).bfdStrict, false);
});
