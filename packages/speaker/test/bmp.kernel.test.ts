/** What FRR sends as BMP, and what our exporter sends of FRR's routes, by one decoder. */
import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { describe, test } from "node:test";
import {
  acceptAll,
  BmpFramer,
  type BmpMessage,
  decodeBmp,
  decodeOpen,
  messageTypes,
} from "@heddle/bgp";
import { parseAsn, parseIp, parseIp4, parsePrefix } from "@heddle/inet";
import { listenIn, openNetns } from "@heddle/native";
import { silentLog } from "@heddle/std";
import { noFib, Speaker } from "../src/mod.ts";
import { Frr, Lab, until } from "./testing/lab.ts";

const frrConfig = `
frr version 8.4
frr defaults traditional
hostname router
router bgp 65201
 bgp router-id 172.16.9.1
 no bgp ebgp-requires-policy
 neighbor 172.16.9.2 remote-as 65203
 neighbor 172.16.9.2 timers connect 1
 address-family ipv4 unicast
  neighbor 172.16.9.2 soft-reconfiguration inbound
 exit-address-family
 bmp targets station
  bmp stats interval 1000
  bmp monitor ipv4 unicast pre-policy
  bmp monitor ipv4 unicast post-policy
  bmp connect 172.16.9.2 port 1790 min-retry 200 max-retry 1000
 exit
exit
`;

/** Takes the connection of a monitored router in a namespace. */
class Collector implements Disposable {
  readonly messages: BmpMessage[] = [];
  readonly #server = createServer((socket) => this.#accept(socket));
  readonly #sockets: Socket[] = [];

  constructor(netnsPath: string, address: string, port: number) {
    using netns = openNetns(netnsPath);
    using fd = listenIn({ address: parseIp(address), port }, { netns });
    this.#server.listen({ fd: fd.take() });
  }

  of<Kind extends BmpMessage["kind"]>(kind: Kind): Extract<BmpMessage, { kind: Kind }>[] {
    return this.messages.filter(
      (message): message is Extract<BmpMessage, { kind: Kind }> => message.kind === kind,
    );
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #accept(socket: Socket): void {
    this.#sockets.push(socket);
    const framer = new BmpFramer();
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: Uint8Array) => {
      framer.push(chunk, (message) => this.messages.push(decodeBmp(message)));
    });
  }
}

describe("BMP", { timeout: 60_000 }, () => {
  test("FRR's messages are read by the decoder that reads ours", async () => {
    await using lab = new Lab();
    for (const name of ["router", "hops"]) lab.addNamespace(name);
    lab.link("router", "hops", { a: ["172.16.9.1/24"], b: ["172.16.9.2/24"] });
    using collector = new Collector(lab.path("hops"), "172.16.9.2", 1790);
    await using frr = new Frr(lab.full("router"), frrConfig);
    await frr.start("zebra");
    await frr.start("bgpd", "-M", "bmp");
    const speaker = await Speaker.start(
      {
        ...{ asn: parseAsn(65203), routerId: parseIp4("172.16.9.2"), families: ["ipv4-unicast"] },
        listen: [{ address: parseIp4("172.16.9.2"), port: 179 }],
        multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
        forwarding: false,
        peers: [
          {
            ...{ address: parseIp4("172.16.9.1"), localAddress: parseIp4("172.16.9.2") },
            ...{ asn: parseAsn(65201), kind: "fabric", families: ["ipv4-unicast"] },
            ...{ importPolicy: acceptAll, exportPolicy: acceptAll },
          },
        ],
      },
      { log: silentLog, fib: noFib, netns: lab.path("hops") },
    );
    try {
      speaker.announce(parsePrefix("10.244.0.0/26"));
      const monitored = () => collector.of("route-monitoring");
      const [up] = await until("a Peer Up", () => {
        const ups = collector.of("peer-up").filter(({ peer }) => peer.asn === 65203);
        return ups.length > 0 && ups;
      });
      assert.equal(up?.peer.address, parseIp("172.16.9.2"));
      assert.equal(decodeOpen((up?.receivedOpen ?? new Uint8Array()).subarray(19)).asn, 65203);
      assert.equal(decodeOpen((up?.sentOpen ?? new Uint8Array()).subarray(19)).asn, 65201);
      await until("routes of both views", () =>
        [true, false].every((view) =>
          monitored().some(
            ({ peer, update }) =>
              peer.postPolicy === view &&
              Buffer.from(update).includes(Buffer.from([26, 10, 244, 0, 0])),
          ),
        ),
      );
      await until("statistics", () => collector.of("statistics-report").length > 0);
      assert.ok(collector.of("initiation").length > 0);
      speaker.shutdownPeer({ address: parseIp("172.16.9.1") }, "bye");
      const down = await until("a Peer Down with our NOTIFICATION", () =>
        collector.of("peer-down").find(({ reason }) => reason === 3),
      );
      assert.equal(down.data[18], messageTypes.notification);
    } finally {
      await speaker.stop();
    }
  });
});
