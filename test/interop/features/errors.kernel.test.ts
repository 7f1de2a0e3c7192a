/**
 * RFC 7606: what a broken UPDATE does to the session and to the route that it carries. All get the
 * same bytes from the same raw peer. ExaBGP has no table: what it reports counts.
 */
import assert from "node:assert/strict";
import { fromHex } from "@heddle/codec";
import type { Daemon } from "../daemon.ts";
import { eventually } from "../harness/eventually.ts";
import { type Bed, feature } from "../harness/feature.ts";
import { RawPeer } from "../harness/raw-peer.ts";
import { Heddle } from "../heddle/heddle.ts";

type Reaction = "kept" | "withdrawn" | "reset";

/** AS_PATH of AS 65001, NEXT_HOP 10.9.0.1, ORIGIN IGP. */
const asPath = "40020602010000fde9";
const [origin, nextHop] = ["40010100", "4003040a090001"];
const good = origin + asPath + nextHop;
/** Of IPv4 unicast: 10.77.0.0/16 by 10.9.0.1. */
const mpReach = "800e0c000101040a09000100100a4d";

interface Case {
  readonly name: string;
  /** Path attributes, hexadecimal. */
  readonly attributes: string;
  /** Of the UPDATE, hexadecimal; default: that of the good route. */
  readonly nlri?: string;
  /** Of RFC 7606. */
  readonly want: Reaction;
}

const cases: readonly Case[] = [
  {
    name: "ORIGIN of value 7",
    attributes: `40010107${asPath}${nextHop}`,
    want: "withdrawn",
  },
  {
    name: "ORIGIN of two octets",
    attributes: `4001020000${asPath}${nextHop}`,
    want: "withdrawn",
  },
  { name: "no ORIGIN", attributes: asPath + nextHop, want: "withdrawn" },
  { name: "no AS_PATH", attributes: origin + nextHop, want: "withdrawn" },
  {
    name: "AS_PATH that overruns",
    attributes: `${origin}40020602050000fde9${nextHop}`,
    want: "withdrawn",
  },
  {
    name: "NEXT_HOP of three octets",
    attributes: `${origin}${asPath}4003030a0900`,
    want: "withdrawn",
  },
  { name: "MED of three octets", attributes: `${good}800403000001`, want: "withdrawn" },
  { name: "LOCAL_PREF over eBGP", attributes: `${good}40050400000064`, want: "kept" },
  { name: "ATOMIC_AGGREGATE with a value", attributes: `${good}400601aa`, want: "kept" },
  { name: "AGGREGATOR of five octets", attributes: `${good}c007050000fde90a`, want: "kept" },
  { name: "COMMUNITIES of five octets", attributes: `${good}c00805fde9000101`, want: "withdrawn" },
  { name: "ORIGINATOR_ID over eBGP", attributes: `${good}8009040a090009`, want: "kept" },
  {
    name: "extended communities of seven octets",
    attributes: `${good}c010070002fde9000000`,
    want: "withdrawn",
  },
  {
    name: "large communities of eleven octets",
    attributes: `${good}c0200b${"00".repeat(11)}`,
    want: "withdrawn",
  },
  {
    name: "ORIGIN with the flags of an optional attribute",
    attributes: `c0010100${asPath}${nextHop}`,
    want: "withdrawn",
  },
  {
    name: "an attribute that overruns the attributes",
    attributes: `${good}c0080900`,
    want: "withdrawn",
  },
  {
    name: "ORIGIN twice",
    attributes: `${good}40010102`,
    want: "kept",
  },
  { name: "MP_REACH_NLRI twice", attributes: `${good}${mpReach}${mpReach}`, want: "reset" },
  {
    name: "an AS_PATH segment of no AS",
    attributes: `${origin}400208020002010000fde9${nextHop}`,
    want: "withdrawn",
  },
  {
    name: "AS 0 in AS_PATH",
    attributes: `${origin}40020a02020000fde900000000${nextHop}`,
    want: "withdrawn",
  },
  {
    name: "AS4_PATH in a session of 4-octet ASes",
    attributes: `${good}c0110602010000fde9`,
    want: "kept",
  },
  {
    name: "NEXT_HOP 0.0.0.0",
    attributes: `${origin}${asPath}40030400000000`,
    want: "withdrawn",
  },
  { name: "CLUSTER_LIST over eBGP", attributes: `${good}800a040a090009`, want: "kept" },
  {
    name: "COMMUNITIES of no octets",
    attributes: `${good}c00800`,
    want: "withdrawn",
  },
  {
    name: "OTC of three octets",
    attributes: `${good}c0230300fde9`,
    want: "withdrawn",
  },
  { name: "a prefix of 33 bits", attributes: good, nlri: "210a01000080", want: "reset" },
  {
    name: "an unknown well-known attribute",
    attributes: `${good}406301aa`,
    want: "reset",
  },
];

const prefix = "10.1.0.0/16";
const nlri = fromHex("100a01");
const offer = [
  { kind: "multiprotocol", afi: 1, safi: 1 },
  { kind: "four-octet-as", asn: 65001 },
] as const;

/** Sends each case as AS 65001 to the bed's daemon. */
async function compare(bed: Bed, daemon: Daemon): Promise<void> {
  const holds = async (route = prefix): Promise<boolean> => (await daemon.paths(route)).length > 0;
  const differences: string[] = [];
  let peer: RawPeer | undefined;
  try {
    for (const [i, { name, attributes, nlri: ownNlri, want }] of cases.entries()) {
      if (peer?.ended !== undefined) {
        peer[Symbol.dispose]();
        peer = undefined;
        await eventually("the ended session's route gone", async () => {
          assert.equal(await holds(), false);
        });
      }
      peer ??= await eventually("a session", () => RawPeer.connect(bed.us, bed.them, 65001, offer));
      peer.update(fromHex(good), nlri);
      await eventually("the good route", async () => assert.equal(await holds(), true));
      peer.update(fromHex(attributes), ownNlri === undefined ? nlri : fromHex(ownNlri));
      // What follows it is there once it has been dealt with, or the session has ended.
      peer.update(fromHex(good), Uint8Array.from([24, 10, 200, i]));
      await eventually("the end of the session or the next route", async () => {
        assert.ok(peer?.ended !== undefined || (await holds(`10.200.${i}.0/24`)));
      });
      const ended = peer.ended;
      const seen = ended !== undefined ? "reset" : (await holds()) ? "kept" : "withdrawn";
      bed.observed(`${name}; wanted: ${want}`, seen);
      if (seen !== want) differences.push(`${name}: ${seen} ${ended ?? ""}, want ${want}`);
    }
  } finally {
    peer?.[Symbol.dispose]();
  }
  // Of the others the matrix says what they do, and that it has not changed.
  if (daemon instanceof Heddle) assert.deepEqual(differences, []);
}

feature("7606 broken UPDATEs, compared below", {}, async (bed) => {
  const peer = {
    asn: 65001,
    address: bed.us.ip4,
    families: ["ipv4-unicast"],
    // The raw peer speaks plain TCP.
    ...{ passive: true, plain: true },
  } as const;
  const daemon = await bed.daemon({ asn: 65002, peers: [peer] });
  await compare(bed, daemon);
});
