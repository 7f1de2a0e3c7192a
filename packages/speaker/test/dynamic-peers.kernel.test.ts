/** Peers by range over loopback, in virtual time. Needs the addon. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { parseAsn, parseIp4, parsePrefix } from "@heddle/inet";
import { silentLog, VirtualClock } from "@heddle/std";
import { noFib, Speaker } from "../src/mod.ts";
import { until } from "./testing/lab.ts";

test("a peer by range that never had a session is forgotten after 30 s, not after its idle time", {
  timeout: 20_000,
}, async () => {
  const clock = new VirtualClock();
  const families = ["ipv4-unicast"] as const;
  const template = { asn: parseAsn(65002), kind: "fabric", families } as const;
  const prefix = parsePrefix("127.9.5.0/24");
  await using speaker = await Speaker.start(
    {
      ...{ asn: parseAsn(65001), routerId: parseIp4("192.0.2.1"), families, peers: [] },
      listen: [{ address: parseIp4("127.9.5.1"), port: 0 }],
      dynamicPeers: [{ name: "any", prefix, template, peerCountMax: 5 }],
      multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
    },
    { log: silentLog, fib: noFib, clock },
  );
  const port = speaker.listening[0]?.port ?? 0;
  const from = (localAddress: string): Promise<Socket> => {
    const socket = connect({ host: "127.9.5.1", port, localAddress });
    return once(socket, "connect").then(() => socket);
  };
  const states = (): string[] => speaker.peers().map((peer) => peer.state);
  const stays = await from("127.9.5.2");
  const leaves = await from("127.9.5.3");
  await until("both admitted", () => states().join() === "OpenSent,OpenSent");
  leaves.destroy();
  await until("one is lost", () => states().some((state) => state !== "OpenSent"));
  clock.advance(29_000);
  assert.equal(speaker.peers().length, 2);
  clock.advance(9000);
  assert.deepEqual(states(), ["OpenSent"]);
  stays.destroy();
});
