/** Peers by range over loopback, in virtual time. Needs the addon. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
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
  const socket = connect({ host: "127.9.5.1", port, localAddress: "127.9.5.2" });
  await once(socket, "connect");
  await until("admitted", () => speaker.peers()[0]?.state === "OpenSent");
  clock.advance(40_000);
  assert.equal(speaker.peers().length, 1, "it has a connection");
  socket.destroy();
  await until("lost", () => speaker.peers()[0]?.state !== "OpenSent");
  clock.advance(29_000);
  assert.equal(speaker.peers().length, 1);
  clock.advance(9000);
  assert.deepEqual(speaker.peers(), []);
});
