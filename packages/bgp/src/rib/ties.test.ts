import assert from "node:assert/strict";
import { test } from "node:test";
import type { Asn, Ip4 } from "@heddle/inet";
import fc from "fast-check";
import type { PathAttributes } from "../packet/path-attributes.ts";
import { Block } from "./blocks.ts";
import { localImportClass } from "./classes.ts";
import { ineligibleScore, selectBest } from "./decision.ts";
import type { ImportClass } from "./import.ts";
import { localPathAttributes } from "./local-route.ts";
import { PathColumns } from "./paths.ts";
import { RowTable } from "./rows.ts";
import { Ties } from "./ties.ts";

const config = {
  localAsn: 65000 as Asn,
  routerId: 1 as Ip4,
  families: ["ipv4-unicast"],
  multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
  forwarding: false,
  hashSeed: 1,
} as const;
const importClass: ImportClass = {
  ...localImportClass(config, "ipv4-unicast"),
  local: false,
};

/** Few values each, so that paths tie at every rule. */
const path = fc.record({
  asn: fc.integer({ min: 1, max: 2 }),
  med: fc.nat(2),
  originatorId: fc.option(fc.nat(2)),
  clusterCount: fc.nat(2),
  external: fc.boolean(),
  address: fc.nat(2),
  pathId: fc.nat(5),
  longer: fc.boolean(),
  preferred: fc.boolean(),
  aigp: fc.option(fc.bigInt({ min: 4n, max: 5n })),
});

test("Ties.select() chooses what the decision process over candidates chooses", () => {
  fc.assert(
    fc.property(fc.array(path, { minLength: 1, maxLength: 40 }), (list) => {
      const rows = new RowTable(() => undefined);
      const paths = new PathColumns(false);
      paths.enablePathIds();
      let head = -1;
      for (const [id, one] of list.entries()) {
        const asn = one.asn as Asn;
        const asns = one.longer ? [asn, 9 as Asn] : [asn];
        const attributes: PathAttributes = {
          ...localPathAttributes({ med: one.med, asPath: [{ type: "sequence", asns }] }),
          clusterList: new Array<Ip4>(one.clusterCount).fill(7 as Ip4),
          ...(one.preferred ? { localPref: 200 } : {}),
          ...(one.aigp === null ? {} : { aigp: one.aigp }),
          ...(one.originatorId === null ? {} : { originatorId: (one.originatorId + 5) as Ip4 }),
        };
        const block = new Block(id, importClass, id, new Uint8Array(0), attributes);
        const peerAddress = one.address as Ip4;
        const traits = { external: one.external, peerAddress, routerId: 6 as Ip4 };
        head = paths.add(rows.add(block, id, 0, traits, 0), head, -1, one.pathId);
      }
      const candidates = [];
      for (let at = head; at >= 0; at = paths.next[at]!) {
        candidates.push(rows.candidateOf(paths.row[at]!, at, paths.pathIdOf(at)));
      }
      const found = new Ties(paths, rows).select(head, false);
      const best = selectBest(candidates)!;
      if (found < 0) {
        const equal = candidates.filter((c) => c.score !== ineligibleScore);
        assert.ok(equal.length > 32, "gives up only above its bound");
        return;
      }
      const { row: _r, path: _p, ...wanted } = best;
      const { row: _s, path: _q, ...chosen } = candidates.find((c) => c.path === found)!;
      assert.deepEqual(chosen, wanted);
    }),
    { numRuns: 500 },
  );
});
