/** BFD across a router (RFC 5883), between two speakers. Needs root. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { acceptAll } from "@heddle/bgp";
import { parseAsn, parseIp4 } from "@heddle/inet";
import { silentLog } from "@heddle/std";
import { noFib, type PeerStatus, Speaker } from "../src/mod.ts";
import { Lab, until } from "./testing/lab.ts";

const sides = {
  a: { ip: parseIp4("10.1.0.2"), asn: parseAsn(65001) },
  b: { ip: parseIp4("10.2.0.2"), asn: parseAsn(65002) },
};
type Side = keyof typeof sides;

describe("BFD across a router", { timeout: 40_000 }, () => {
  const lab = new Lab();
  before(() => {
    for (const name of ["a", "r", "b"]) lab.addNamespace(name);
    lab.link("a", "r", { a: ["10.1.0.2/24"], b: ["10.1.0.1/24"] });
    lab.link("b", "r", { a: ["10.2.0.2/24"], b: ["10.2.0.1/24"] });
    lab.ip("a", "route", "add", "default", "via", "10.1.0.1");
    lab.ip("b", "route", "add", "default", "via", "10.2.0.1");
    lab.forward("r");
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
  });

  const start = (side: Side, hopCountMax: number | undefined): Promise<Speaker> => {
    const own = sides[side];
    const other = sides[side === "a" ? "b" : "a"];
    const bfd = { txIntervalMs: 100, rxIntervalMs: 100 };
    return Speaker.start(
      {
        ...{ asn: own.asn, routerId: own.ip, families: ["ipv4-unicast"] },
        listen: [{ address: own.ip, port: 179 }],
        peers: [
          {
            ...{ address: other.ip, localAddress: own.ip },
            ...{ asn: other.asn, kind: "fabric", families: ["ipv4-unicast"] },
            ...{ importPolicy: acceptAll, exportPolicy: acceptAll },
            bfd: hopCountMax === undefined ? bfd : { ...bfd, hopCountMax },
          },
        ],
        multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
        timers: { connectRetryMs: 500, idleHoldMinMs: 100, idleHoldMaxMs: 400 },
      },
      { log: silentLog, fib: noFib, netns: lab.path(side) },
    );
  };
  const status = (speaker: Speaker): PeerStatus => speaker.peers()[0] as PeerStatus;

  test("a path of two links is watched, and its failure resets both sides", async () => {
    await using a = await start("a", 2);
    await using b = await start("b", 2);
    await until("up", () =>
      [a, b].every(
        (speaker) => status(speaker).state === "Established" && status(speaker).bfd === "Up",
      ),
    );
    lab.ip("r", "link", "set", "to-b", "down");
    try {
      const fails = (speaker: Speaker): boolean => status(speaker).state !== "Established";
      await until("both down", () => fails(a) && fails(b), 3000);
      assert.match(String(status(a).lastError?.message), /BFD session down/);
    } finally {
      lab.ip("r", "link", "set", "to-b", "up");
    }
    await until("up again", () => status(a).bfd === "Up" && status(b).state === "Established");
  });

  for (const [what, hops] of [
    ["packets from farther away than allowed", 1],
    ["packets of multihop sessions for a session on the link", undefined],
  ] as const) {
    test(`${what} do not count`, async () => {
      await using a = await start("a", hops);
      await using b = await start("b", 2);
      await until("established", () => status(b).state === "Established");
      await sleep(2500);
      assert.equal(status(a).bfd, "Down");
      assert.notEqual(status(b).bfd, "Up");
    });
  }
});
