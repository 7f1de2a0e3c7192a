/** Tables so large that slots are fetched before they are searched: see `PrefixTable.fetch`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAsn, parseIp4, parseIp6 } from "@heddle/inet";
import { headerLength } from "../packet/framing.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import {
  announceHead4,
  announceHeadMp,
  UpdateBuilder,
  withdrawHead4,
  withdrawHeadMp,
} from "../packet/update-builder.ts";
import { acceptAll } from "../policy/presets.ts";
import type { PeerIndex } from "./peer.ts";
import { Rib } from "./rib.ts";

const routeCount = 12_000;
const pathId = 7;
const cases = (["ipv4-unicast", "ipv6-unicast"] as const).flatMap((family) =>
  [false, true].map((addPath) => ({ family, addPath })),
);

for (const { family, addPath } of cases) {
  const name = `${family}${addPath ? " with path identifiers" : ""}`;
  test(`a large table of ${name} comes, goes by half, comes again and goes`, () => {
    const isIpv4 = family === "ipv4-unicast";
    const rib = new Rib({
      localAsn: parseAsn(64_500),
      routerId: parseIp4("192.0.2.254"),
      families: [family],
      multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
      forwarding: false,
      hashSeed: 5,
    });
    const peerOf = (n: number): PeerIndex => {
      const address = parseIp4(`192.0.2.${n}`);
      const peer = rib.addPeer({
        ...{ address, asn: parseAsn(64_500 + n), reflectorClient: false, nextHopSelf: false },
        ...{ importPolicy: acceptAll, exportPolicy: acceptAll },
        ...{ nextHop4: parseIp4("192.0.2.254"), nextHop6: parseIp6("2001:db8::254") },
      });
      const common = { fourOctetAs: true, external: true, families: [family] };
      const cx = addPath && n === 1 ? { ...common, addPathReceive: [family] } : common;
      rib.sessionUp(peer, { cx, routerId: address, messageLengthMax: 4096 });
      while (rib.pull(peer) !== undefined);
      return peer;
    };
    const [sender, receiver] = [peerOf(1), peerOf(2)];
    const attributes: PathAttributes = {
      ...{ origin: 0, atomicAggregate: false, communities: [], extendedCommunities: [] },
      ...{ largeCommunities: [], clusterList: [], unknown: [] },
      asPath: [{ type: "sequence", asns: [parseAsn(64_501)] }],
      nextHop: isIpv4 ? parseIp4("192.0.2.1") : parseIp6("2001:db8::1"),
    };
    const cx = { fourOctetAs: true };
    const announced = isIpv4
      ? announceHead4(attributes, cx)
      : announceHeadMp(family, attributes, attributes.nextHop, undefined, cx);
    const withdrawn = isIpv4 ? withdrawHead4() : withdrawHeadMp(family);
    const builder = new UpdateBuilder(4096);
    const send = (head: typeof announced, start: number, end: number): void => {
      builder.begin(head);
      for (let i = start; i < end; i += 1) {
        const words = [0x2000_0000 | (i >> 8), i << 24, 0, 0] as const;
        if (isIpv4 && addPath) builder.pathPrefix4(pathId, (20 << 24) | (i << 8), 24);
        else if (isIpv4) builder.prefix4((20 << 24) | (i << 8), 24);
        else if (addPath) builder.pathPrefix6(pathId, ...words, 40);
        else builder.prefix6(...words, 40);
      }
      const bytes = builder.finish();
      for (let at = 0; at < bytes.length; ) {
        const messageEnd = at + ((bytes[at + 16]! << 8) | bytes[at + 17]!);
        rib.receive(sender, bytes, at + headerLength, messageEnd);
        at = messageEnd;
      }
      while (rib.dirty) rib.flush(() => true);
    };
    const counts = (): number[] => [
      rib.counts(sender, family).received,
      rib.counts(receiver, family).advertised,
      rib.prefixCount(family),
    ];
    const seen: number[][] = [];
    for (const [head, start, end] of [
      [announced, 0, routeCount],
      [withdrawn, 0, routeCount / 2],
      [announced, 100, routeCount],
      [withdrawn, 0, routeCount],
    ] as const) {
      send(head, start, end);
      seen.push(counts());
    }
    const of = (count: number): number[] => [count, count, count];
    const half = routeCount / 2;
    assert.deepEqual(seen, [of(routeCount), of(half), of(routeCount - 100), of(0)]);
  });
}
