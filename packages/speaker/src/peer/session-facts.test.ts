import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAsn, parseIp4 } from "@heddle/inet";
import type { PeerTemplate } from "../config.ts";
import { expectedAsnOf } from "./session-facts.ts";

const routerId = parseIp4("192.0.2.1");
const alone = { asn: parseAsn(65000), routerId };
const member = { ...alone, confederation: { identifier: parseAsn(64000) } };
const template: PeerTemplate = {
  ...{ asn: parseAsn(65001), kind: "fabric", families: ["ipv4-unicast"] },
};

test("expectedAsnOf() is what an OPEN says where the peer may have that AS", () => {
  const otherAsns = [
    { first: parseAsn(65100), last: parseAsn(65199) },
    { first: parseAsn(4_200_000_000), last: parseAsn(4_200_000_000) },
  ];
  const cases: readonly (readonly [Partial<PeerTemplate>, number, number])[] = [
    [{}, 65002, 65001],
    [{ otherAsns }, 65001, 65001],
    [{ otherAsns }, 65100, 65100],
    [{ otherAsns }, 65199, 65199],
    [{ otherAsns }, 65200, 65001],
    [{ otherAsns }, 4_200_000_000, 4_200_000_000],
    [{ otherAsns: "external" }, 1, 1],
    [{ otherAsns: "external" }, 65000, 65001],
  ];
  for (const [fields, said, expected] of cases) {
    assert.equal(expectedAsnOf(alone, { ...template, ...fields }, said), expected, `${said}`);
  }
  const external: PeerTemplate = { ...template, otherAsns: "external" };
  assert.equal(expectedAsnOf(member, external, 64000), 65001);
  assert.equal(expectedAsnOf(member, external, 65000), 65001);
  assert.equal(expectedAsnOf(member, external, 64001), 64001);
});
