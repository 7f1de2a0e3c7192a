/**
 * BFD in strict mode (draft-ietf-idr-bgp-bfd-strict-mode) against a peer that says what it is told
 * to, and what the BFD thread takes from the wire (RFC 5881 4, 5). Needs root.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { acceptAll, addressFamilies, type Open } from "@heddle/bgp";
import { parseAsn, parseIp4 } from "@heddle/inet";
import { DatagramSocket, openNetns } from "@heddle/native";
import { silentLog } from "@heddle/std";
import { type BfdState, encodeBfdPacket } from "../src/bfd/packet.ts";
import { noFib, type PeerStatus, Speaker } from "../src/mod.ts";
import { Lab, until } from "./testing/lab.ts";
import { RawSession } from "./testing/raw-session.ts";

const ours = parseIp4("172.16.0.1");
const theirs = parseIp4("172.16.0.0");
const bfdPort = 3784;
const open: Open = {
  ...{ asn: 65201, holdTimeS: 3, routerId: theirs },
  capabilities: [
    { kind: "multiprotocol", ...addressFamilies["ipv4-unicast"] },
    // The BFD Strict-Mode capability.
    { kind: "unknown", code: 74, value: new Uint8Array(0) },
  ],
};

describe("BFD in strict mode", { timeout: 40_000 }, () => {
  const lab = new Lab();

  before(() => {
    lab.addNamespace("peer");
    lab.addNamespace("node");
    lab.link("peer", "node", { a: ["172.16.0.0/31"], b: ["172.16.0.1/31"] });
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
  });

  const start = (): Promise<Speaker> =>
    Speaker.start(
      {
        ...{ asn: parseAsn(65203), routerId: ours, families: ["ipv4-unicast"] },
        listen: [{ address: ours, port: 179 }],
        peers: [
          {
            ...{ address: theirs, localAddress: ours, asn: parseAsn(65201), kind: "fabric" },
            ...{ families: ["ipv4-unicast"], passive: true },
            ...{ importPolicy: acceptAll, exportPolicy: acceptAll },
            bfd: { strict: true },
          },
        ],
        multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
      },
      { log: silentLog, fib: noFib, netns: lab.path("node") },
    );
  const status = (speaker: Speaker): PeerStatus => speaker.peers()[0] as PeerStatus;
  const dial = (): Promise<RawSession> => RawSession.start(lab.path("peer"), theirs, ours, open);
  const sayBfd = (state: BfdState, ttl: number): void => {
    using netns = openNetns(lab.path("peer"));
    using socket = new DatagramSocket({ address: theirs, port: 0 }, { netns, ttl });
    const flags = { poll: false, final: false, controlPlaneIndependent: false, demand: false };
    const times = { desiredMinTxUs: 1_000_000, requiredMinRxUs: 1_000_000, requiredMinEchoRxUs: 0 };
    const discriminators = { myDiscriminator: 9, yourDiscriminator: 0 };
    const packet = { diagnostic: 7, state, detectMultiplier: 3 };
    const bytes = encodeBfdPacket({ ...packet, ...flags, ...times, ...discriminators });
    socket.send(bytes, { address: ours, port: bfdPort });
  };

  test("without BFD the hold time ends the wait, and says what was missing", async () => {
    await using speaker = await start();
    using session = await dial();
    await until("the wait", () => status(speaker).state === "OpenConfirm");
    assert.match(String(status(speaker).reason), /^waits for BFD to be Up/);
    assert.deepEqual(session.heard, ["type 1"], "no KEEPALIVE while we wait");
    await until("the end of it", () => session.heard.at(-1) === "Cease/BFD Down (6/10)", 5000);
    assert.match(String(status(speaker).lastError?.message), /Cease\/BFD Down/);
  });

  test("a peer whose operator has turned BFD off is not waited for", async () => {
    await using speaker = await start();
    using _session = await dial();
    await until("the wait", () => status(speaker).state === "OpenConfirm");
    const hasCome = (): boolean => {
      sayBfd("AdminDown", 255);
      return status(speaker).state === "Established";
    };
    await until("the session", hasCome, 2000);
    assert.equal(status(speaker).bfd, "Down");
  });

  test("RFC 5881 5: what has come through a router says nothing", async () => {
    await using speaker = await start();
    using _session = await dial();
    await until("the wait", () => status(speaker).state === "OpenConfirm");
    for (let i = 0; i < 10; i += 1) {
      sayBfd("AdminDown", 254);
      sayBfd("Down", 254);
      await sleep(50);
    }
    assert.deepEqual([status(speaker).state, status(speaker).bfd], ["OpenConfirm", "Down"]);
    sayBfd("Down", 255);
    await until("an answer to what has not", () => status(speaker).bfd === "Init", 2000);
  });
});
