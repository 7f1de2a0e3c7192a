/**
 * RFC 7606: what a broken UPDATE does to the session and to the route that it carries. Each of the
 * daemons and we get the same bytes from the same raw peer; where somebody differs the case says
 * how.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fromHex } from "@heddle/codec";
import type { DaemonName } from "../daemon.ts";
import { eventually } from "../harness/eventually.ts";
import { Bed, feature } from "../harness/feature.ts";
import { ourPaths, startSpeaker } from "../harness/our-speaker.ts";
import { RawPeer } from "../harness/raw-peer.ts";

type Reaction = "kept" | "withdrawn" | "reset";
type Who = DaemonName | "ours";

/** AS_PATH of AS 65001, NEXT_HOP 10.9.0.1, ORIGIN IGP. */
const asPath = "40020602010000fde9";
const [origin, nextHop] = ["40010100", "4003040a090001"];
const good = origin + asPath + nextHop;

interface Case {
  readonly name: string;
  /** Path attributes, hexadecimal. */
  readonly attributes: string;
  /** Of RFC 7606, and ours. */
  readonly want: Reaction;
  /** Of those that do something else. */
  readonly but?: Readonly<Partial<Record<Who, Reaction>>>;
}

const cases: readonly Case[] = [
  {
    name: "ORIGIN of value 7",
    attributes: `40010107${asPath}${nextHop}`,
    want: "withdrawn",
    but: { frr: "reset" },
  },
  {
    name: "ORIGIN of two octets",
    attributes: `4001020000${asPath}${nextHop}`,
    want: "withdrawn",
    but: { frr: "reset" },
  },
  { name: "no ORIGIN", attributes: asPath + nextHop, want: "withdrawn" },
  { name: "no AS_PATH", attributes: origin + nextHop, want: "withdrawn" },
  {
    name: "AS_PATH that overruns",
    attributes: `${origin}40020602050000fde9${nextHop}`,
    want: "withdrawn",
    but: { frr: "reset" },
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
    but: { frr: "reset" },
  },
  {
    name: "an attribute that overruns the attributes",
    attributes: `${good}c0080900`,
    want: "withdrawn",
    but: { frr: "reset", gobgp: "kept" },
  },
  {
    name: "an unknown well-known attribute",
    attributes: `${good}406301aa`,
    want: "reset",
    but: { bird: "withdrawn" },
  },
];

const prefix = "10.1.0.0/16";
const nlri = fromHex("100a01");
const offer = [
  { kind: "multiprotocol", afi: 1, safi: 1 },
  { kind: "four-octet-as", asn: 65001 },
] as const;

const settleMs = 250;

/** Sends each case as AS 65001 to the bed's daemon host, where `holds` tells of the route. */
async function compare(bed: Bed, who: Who, holds: () => Promise<boolean>): Promise<void> {
  const differences: string[] = [];
  let peer: RawPeer | undefined;
  try {
    for (const { name, attributes, want, but } of cases) {
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
      peer.update(fromHex(attributes), nlri);
      await sleep(settleMs);
      const ended = peer.ended;
      const seen = ended !== undefined ? "reset" : (await holds()) ? "kept" : "withdrawn";
      const expected = but?.[who] ?? want;
      if (seen !== expected) differences.push(`${name}: ${seen} ${ended ?? ""}, want ${expected}`);
    }
  } finally {
    peer?.[Symbol.dispose]();
  }
  assert.deepEqual(differences, []);
}

feature("7606 broken UPDATEs", { exabgp: "reports, and keeps no table" }, async (bed) => {
  const peer = {
    asn: 65001,
    address: bed.us.ip4,
    families: ["ipv4-unicast"],
    passive: true,
  } as const;
  const daemon = await bed.daemon({ asn: 65002, peers: [peer] });
  const holds = async (): Promise<boolean> => (await daemon.paths(prefix)).length > 0;
  await compare(bed, bed.daemonName, holds);
});

describe("7606 broken UPDATEs, ours", () => {
  test("ours", { timeout: 60_000 }, async () => {
    await using bed = new Bed("frr");
    const peer = {
      asn: 65001,
      address: bed.us.ip4,
      families: ["ipv4-unicast"],
      passive: true,
    } as const;
    const config = { asn: 65002, families: ["ipv4-unicast"], peers: [peer] } as const;
    const speaker = bed.use(await startSpeaker(bed.them, config));
    await compare(bed, "ours", async () => ourPaths(speaker, prefix).length > 0);
  });
});
