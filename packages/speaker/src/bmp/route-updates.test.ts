import assert from "node:assert/strict";
import { test } from "node:test";
import {
  encodeFlowSpec,
  Framer,
  headerLength,
  newUpdateParts,
  type PathAttributes,
  splitUpdate,
  walkPrefixes4,
} from "@heddle/bgp";
import { parseIp4, parsePrefix } from "@heddle/inet";
import { encodeRoutes } from "./route-updates.ts";

function attributesOf(med: number, communityCount = 0): PathAttributes {
  return {
    ...{ origin: 0, asPath: [], nextHop: parseIp4("192.0.2.9"), med, atomicAggregate: false },
    communities: Array.from({ length: communityCount }, (_, i) => i),
    ...{ extendedCommunities: [], largeCommunities: [], clusterList: [], unknown: [] },
  };
}

/** Bodies of the messages. */
function bodiesOf(updates: Uint8Array): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  const framer = new Framer();
  framer.allowExtended();
  framer.push(updates, (_type, bytes, start, end) => {
    bodies.push(bytes.slice(start, end));
    return true;
  });
  return bodies;
}

function announcedOf(body: Uint8Array): number {
  const parts = splitUpdate(body, 0, body.length, newUpdateParts());
  let count = 0;
  walkPrefixes4(body, parts.nlriStart, parts.nlriEnd, () => {
    count += 1;
  });
  return count;
}

const routes = (count: number, med: (i: number) => PathAttributes | undefined) =>
  Array.from({ length: count }, (_, i) => ({
    ...({ family: "ipv4-unicast", pathId: 0, prefix: parsePrefix(`10.0.${i}.0/24`) } as const),
    attributes: med(i),
  }));

test("routes of equal attributes share messages, also of equal ones that are two objects", () => {
  const updates = encodeRoutes(
    routes(9, (i) => attributesOf(i % 3)),
    ({ attributes }) => attributes,
    false,
  );
  assert.deepEqual(bodiesOf(updates).map(announcedOf), [3, 3, 3]);
});

test("messages are long only where attributes are, and what fits in none is withdrawn", () => {
  const sizes = [0, 1500, 20_000];
  const told = encodeRoutes(
    routes(3, (i) => attributesOf(i, sizes[i])),
    ({ attributes }) => attributes,
    false,
  );
  const [small, withdrawn, long] = bodiesOf(told);
  assert.equal(announcedOf(small ?? new Uint8Array()), 1);
  assert.ok((long?.length ?? 0) > 4096, "6000 octets of communities");
  assert.equal(announcedOf(long ?? new Uint8Array()), 1);
  assert.deepEqual([...(withdrawn ?? [])], [0, 4, 24, 10, 0, 2, 0, 0]);
});

test("a flow specification that needs a long message gets one", () => {
  const family = "ipv4-flowspec";
  const terms = Array.from({ length: 1350 }, (_, i) => ({
    ...{ and: false, value: 1000 + i, comparison: "=" as const },
  }));
  const { key, payload } = encodeFlowSpec({
    family: 4,
    components: [{ type: "destination-port", terms }],
  });
  assert.ok(key.length > 4000);
  const route = { family, pathId: 0, key, payload } as const;
  const [body, ...others] = bodiesOf(encodeRoutes([route], () => attributesOf(0, 20), false));
  assert.ok(body !== undefined && others.length === 0 && body.length + headerLength > 4096);
  assert.ok(Buffer.from(body).includes(key.subarray(2)));
});

test("an IPv4 next hop of an IPv6 route is told as a mapped address", () => {
  const route = {
    family: "ipv6-unicast",
    pathId: 0,
    prefix: parsePrefix("2001:db8::/32"),
  } as const;
  const [body] = bodiesOf(encodeRoutes([route], () => attributesOf(0), false));
  const mapped = [...new Uint8Array(10), 0xff, 0xff, 192, 0, 2, 9];
  assert.ok(Buffer.from(body ?? []).includes(Buffer.from([16, ...mapped])));
});
