import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIp4, parseIp6 } from "@heddle/inet";
import { extendedMessageLengthMax } from "./framing.ts";
import type { PathAttributes } from "./path-attributes.ts";
import { announceHead4, announceHeadMp, nlriRoomOf, UpdateBuilder } from "./update-builder.ts";

const cx = { fourOctetAs: true };

function attributesOf(communityCount: number): PathAttributes {
  return {
    ...{ origin: 0, asPath: [], nextHop: parseIp4("192.0.2.9"), atomicAggregate: false },
    communities: Array.from({ length: communityCount }, (_, i) => i),
    ...{ extendedCommunities: [], largeCommunities: [], clusterList: [], unknown: [] },
  };
}

test("a head that fits no message is measured, and UpdateBuilder refuses it", () => {
  const nextHop6 = parseIp6("2001:db8::9");
  for (const communityCount of [16_400, 60_000]) {
    const attributes = attributesOf(communityCount);
    for (const head of [
      announceHead4(attributes, cx),
      announceHeadMp("ipv6-unicast", attributes, nextHop6, undefined, cx),
    ]) {
      assert.ok(nlriRoomOf(head, extendedMessageLengthMax) < 0);
      assert.throws(() => new UpdateBuilder(extendedMessageLengthMax).begin(head), {
        name: "BgpError",
        code: "encode",
      });
    }
  }
});
