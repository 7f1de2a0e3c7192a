/** Mutated OPENs: a session comes up or is refused with an OPEN error, and nothing else happens. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type LocalSide, openOf } from "../../src/fsm/offer.ts";
import { encodeOpen } from "../../src/packet/open.ts";
import { Rib } from "../../src/rib/rib.ts";
import { Draw } from "./draw.ts";
import { families, ribConfig, senders } from "./peers.ts";
import { FuzzSession } from "./session.ts";
import { concat, message, u16 } from "./wire.ts";

const everything: Partial<LocalSide> = {
  addPath: families.map((family) => ({ family, receive: true, send: true })),
  extendedNextHop: ["ipv4-unicast", "ipv4-vpn"],
  gracefulRestart: {
    restartTimeMs: 120_000,
    restarting: true,
    forwarding: true,
    longLived: families.map((family) => ({ family, staleTimeMs: 3_600_000 })),
  },
  role: "provider",
  hostname: "leaf-1",
};

/** Body of an OPEN with a few things wrong, mostly in its capabilities. */
function mutatedBody(whole: Uint8Array, draw: Draw): Uint8Array {
  let body: Uint8Array = whole.slice(19);
  for (let count = draw.below(4); count > 0; count -= 1) {
    const at = draw.below(Math.max(1, body.length));
    switch (draw.below(4)) {
      case 0:
        body[at] = draw.below(256);
        break;
      case 1:
        body = body.slice(0, at);
        break;
      case 2:
        body = concat([body.slice(0, at), draw.bytes(1 + draw.below(4)), body.slice(at)]);
        break;
      default:
        // RFC 9072: the extended form of the parameters' length.
        body = concat([body.slice(0, 9), [255, 255], u16(draw.below(64)), body.slice(10)]);
    }
  }
  return body;
}

test("10 000 mutated OPENs bring a session up or are refused", () => {
  const peer = senders[0]!;
  const local = { ...peer.local, ...everything, role: "customer" } as const;
  const remote = { ...peer.remote, ...everything };
  const whole = encodeOpen(openOf(remote));
  const keepalive = message(4, new Uint8Array(0));
  const rib = new Rib(ribConfig);
  const index = rib.addPeer(peer.rib);
  const endings = new Map<string, number>();
  for (let seed = 0; seed < 10_000; seed += 1) {
    const draw = new Draw(seed);
    const session = new FuzzSession(rib, index, local, peer.asn);
    session.push(message(1, mutatedBody(whole, draw)));
    session.push(keepalive);
    const isUp = session.isEstablished;
    session.close();
    const ending = isUp ? "up" : session.ending.replace(/:.*/, "");
    endings.set(ending, (endings.get(ending) ?? 0) + 1);
    // A length in the header that is too small for an OPEN is the only other complaint.
    assert.match(ending, /^(up|Cannot (decode|accept) (OPEN|capabilities|message header))$/);
  }
  assert.ok((endings.get("up") ?? 0) > 2000, JSON.stringify([...endings]));
  assert.ok((endings.get("Cannot decode OPEN") ?? 0) > 500, JSON.stringify([...endings]));
});
