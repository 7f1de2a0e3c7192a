import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAsn, parseIp4 } from "@heddle/inet";
import { DecodeError, type NotificationCause } from "../errors.ts";
import { errorCodes } from "../packet/iana.ts";
import { hardReset } from "../packet/notification.ts";
import type { Open } from "../packet/open.ts";
import { collisionSurvivor } from "./collision.ts";
import type { SessionEvent } from "./events.ts";
import { type LocalSide, negotiate, openOf } from "./negotiate.ts";
import { notificationFor, retainedFamilies } from "./retention.ts";

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
    peerGracefulRestart: {
      restarting: false,
      restartTimeMs: 120_000,
      notification: true,
      families: ["ipv4-unicast", "ipv6-unicast"],
      forwarding: ["ipv4-unicast", "ipv6-unicast"],
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

test("a final stop is a hard reset for a peer that would keep our routes", () => {
  const agreed = negotiate(local, leafAsn, openOf(leaf));
  const stop: SessionEvent = { kind: "ManualStop", cause: plain, silent: false };
  assert.deepEqual(notificationFor(agreed, stop, plain), hardReset(plain));
  assert.equal(notificationFor(undefined, stop, plain), plain);
  const update: SessionEvent = { kind: "UpdateMsgErr", cause: plain, message: "" };
  assert.equal(notificationFor(agreed, update, plain), plain);
});
