/**
 * What is wrong with one peer shows on its status and touches no other: each case runs beside a
 * session with FRR that must not notice. Needs root and FRR.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { acceptAll, addressFamilies, encodeOpen, type Open } from "@heddle/bgp";
import { fromHex } from "@heddle/codec";
import { formatPrefix, parseAsn, parseIp4 } from "@heddle/inet";
import { silentLog } from "@heddle/std";
import {
  type PeerConfig,
  type PeerStatus,
  Speaker,
  type SpeakerConfig,
  SpeakerError,
} from "../src/mod.ts";
import { type Frr, Lab, until } from "./testing/lab.ts";
import { RawSession, rawUpdate } from "./testing/raw-session.ts";
import { RecordingFib } from "./testing/recording-fib.ts";
import { talk } from "./testing/talk.ts";

/** FRR takes less than 256 in one statement, so two of them make more than one segment holds. */
const halfPath = Array.from({ length: 200 }, () => "65100").join(" ");

const frrConfig = `
frr version 8.4
frr defaults traditional
hostname leaf
ip prefix-list LOOP permit 198.51.100.0/25
ip prefix-list SELF permit 198.51.100.128/26
ip prefix-list LONG permit 198.51.100.192/26
route-map LONGER permit 10
 set as-path prepend ${halfPath}
route-map BAD permit 10
 match ip address prefix-list LOOP
 set as-path prepend 65203
route-map BAD permit 20
 match ip address prefix-list SELF
 set ip next-hop 172.16.1.1
route-map BAD permit 30
 match ip address prefix-list LONG
 set as-path prepend ${halfPath}
router bgp 65201
 bgp router-id 172.16.0.0
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 172.16.0.1 remote-as 65203
 neighbor 172.16.0.1 timers 3 9
 neighbor 172.16.0.1 timers connect 1
 neighbor 172.16.1.1 remote-as 65203
 neighbor 172.16.1.1 timers connect 1
 address-family ipv4 unicast
  network 198.51.100.0/25
  network 198.51.100.128/26
  network 198.51.100.192/26 route-map LONGER
  neighbor 172.16.0.1 default-originate
  neighbor 172.16.1.1 route-map BAD out
 exit-address-family
exit
`;

/** Of a route inside our AS: ORIGIN, an empty path, NEXT_HOP, LOCAL_PREF. */
const attributes = "400101 00 400200 400304 ac100100 400504 00000064";

const good: PeerConfig = {
  address: parseIp4("172.16.0.0"),
  asn: parseAsn(65201),
  kind: "fabric",
  families: ["ipv4-unicast"],
  localAddress: parseIp4("172.16.0.1"),
  importPolicy: acceptAll,
  exportPolicy: acceptAll,
};
const bad: PeerConfig = {
  ...good,
  address: parseIp4("172.16.1.0"),
  localAddress: parseIp4("172.16.1.1"),
};

function config(peer: Partial<PeerConfig>): SpeakerConfig {
  return {
    asn: parseAsn(65203),
    routerId: parseIp4("172.16.0.1"),
    families: ["ipv4-unicast", "evpn"],
    listen: [{ address: parseIp4("0.0.0.0"), port: 179 }],
    peers: [good, { ...bad, ...peer }],
    multipath: { ebgpCountMax: 16, ibgpCountMax: 1, relaxAsPath: false },
    timers: { idleHoldMinMs: 200, idleHoldMaxMs: 500, connectRetryMs: 1000 },
  };
}

/** The default route and three networks; what the bad peer sends of them is longer, or refused. */
const goodRouteCount = 4;

function isHeld({ counts }: PeerStatus): boolean {
  return counts.get("ipv4-unicast")?.accepted === goodRouteCount;
}

describe("bad input beside a session with FRR", { timeout: 90_000 }, () => {
  const lab = new Lab();
  let frr: Frr;

  before(async () => {
    lab.addNamespace("leaf");
    lab.addNamespace("node");
    lab.link("leaf", "node", { a: ["172.16.0.0/31"], b: ["172.16.0.1/31"] });
    lab.ip("leaf", "addr", "add", "172.16.1.0/31", "dev", "to-node");
    lab.ip("node", "addr", "add", "172.16.1.1/31", "dev", "to-leaf");
    frr = await lab.frr("leaf", ["zebra", "bgpd"], frrConfig);
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
  });

  const start = async (peer: Partial<PeerConfig>): Promise<Speaker> => {
    const deps = { log: silentLog, fib: new RecordingFib(), netns: lab.path("node") };
    const speaker = await Speaker.start(config(peer), deps);
    try {
      await until("the good session and its routes", () => {
        const [first] = speaker.peers();
        return first?.state === "Established" && isHeld(first);
      });
    } catch (error) {
      await speaker.stop();
      throw error;
    }
    return speaker;
  };
  const badStatus = (speaker: Speaker): PeerStatus => speaker.peers()[1] as PeerStatus;
  const goodIsUntouched = (speaker: Speaker): void => {
    const [first] = speaker.peers();
    assert.deepEqual([first?.state, first?.establishedCount], ["Established", 1]);
    assert.equal(first?.reason, undefined);
    assert.ok(isHeld(first as PeerStatus));
    const { length } = [...speaker.routes({ from: good.address, bestOnly: true })];
    assert.equal(length, goodRouteCount);
  };
  const sendOpen = (open: Partial<Open>): Promise<string[]> =>
    talk(
      lab.path("leaf"),
      bad.address,
      parseIp4("172.16.1.1"),
      encodeOpen({
        ...{ asn: 65201, holdTimeS: 90, routerId: parseIp4("172.16.0.0"), capabilities: [] },
        ...open,
      }),
    );

  test("a wrong AS number", async () => {
    await using speaker = await start({ asn: parseAsn(65999) });
    const error = await until("an error", () => badStatus(speaker).lastError);
    assert.match(error.message, /AS 65201, want 65999/);
    assert.match(String(badStatus(speaker).reason), /AS 65201, want 65999/);
    goodIsUntouched(speaker);
  });

  test("a wrong password looks like silence, and the status says what that may be", async () => {
    frr.configure("bgpd", "router bgp 65201", "neighbor 172.16.1.1 password theirs");
    try {
      await using speaker = await start({ md5: "ours" });
      await sleep(1500);
      assert.notEqual(badStatus(speaker).state, "Established");
      assert.match(String(badStatus(speaker).reason), /no answer to our SYN: .* another password/);
      goodIsUntouched(speaker);
    } finally {
      frr.configure("bgpd", "router bgp 65201", "no neighbor 172.16.1.1 password theirs");
    }
  });

  test("our own router id inside our AS", async () => {
    const inside = { asn: parseAsn(65203), kind: "reflector", passive: true } as const;
    await using speaker = await start(inside);
    const heard = await sendOpen({ asn: 65203, routerId: parseIp4("172.16.0.1") });
    assert.deepEqual(heard, ["type 1", "OPEN Message Error/Bad BGP Identifier (2/3)"]);
    assert.match(String(badStatus(speaker).reason), /the peer's BGP Identifier is our own/);
    goodIsUntouched(speaker);
  });

  test("hold time 1", async () => {
    // FRR dials as well: its own attempts must not be what is looked at.
    frr.configure("bgpd", "router bgp 65201", "neighbor 172.16.1.1 shutdown");
    try {
      await using speaker = await start({ passive: true });
      const heard = await sendOpen({ holdTimeS: 1 });
      assert.deepEqual(heard, ["type 1", "OPEN Message Error/Unacceptable Hold Time (2/6)"]);
      const { lastError, reason } = badStatus(speaker);
      assert.match(String(reason), /hold time 1 s, want 0 or at least 3 s/);
      assert.deepEqual([lastError?.direction, lastError?.code, lastError?.subcode], ["sent", 2, 6]);
      goodIsUntouched(speaker);
    } finally {
      frr.configure("bgpd", "router bgp 65201", "no neighbor 172.16.1.1 shutdown");
    }
  });

  test("loops, our own next hop and AS paths of 401 are told apart, and harm nothing", async () => {
    await using speaker = await start({});
    const counts = await until("three routes", () => {
      const found = badStatus(speaker).counts.get("ipv4-unicast");
      return found?.received === 3 ? found : undefined;
    });
    assert.equal(counts.accepted, 1);
    assert.deepEqual([...counts.notUsed].sort(), [
      ["as-loop", 1],
      ["own-next-hop", 1],
    ]);
    const routes = [...speaker.routes({ from: bad.address })].map((route) => [
      "prefix" in route && route.prefix !== undefined ? formatPrefix(route.prefix) : "",
      route.ineligible ?? route.attributes.asPath.flatMap(({ asns }) => asns).length,
    ]);
    assert.deepEqual(routes.sort(), [
      ["198.51.100.0/25", "as-loop"],
      ["198.51.100.128/26", "own-next-hop"],
      ["198.51.100.192/26", 401],
    ]);
    assert.equal(badStatus(speaker).reason, undefined);
    goodIsUntouched(speaker);
  });

  /** An iBGP peer by hand: FRR, which dials as well, is kept away. */
  const inside = async (
    run: (speaker: Speaker, session: RawSession) => Promise<void>,
  ): Promise<void> => {
    frr.configure("bgpd", "router bgp 65201", "neighbor 172.16.1.1 shutdown");
    try {
      await using speaker = await start({
        ...{ asn: parseAsn(65203), kind: "reflector", passive: true },
        families: ["ipv4-unicast", "evpn"],
      });
      const capabilities = (["ipv4-unicast", "evpn"] as const).map((family) => ({
        kind: "multiprotocol" as const,
        ...addressFamilies[family],
      }));
      const routerId = parseIp4("172.16.1.0");
      const open = { asn: 65203, holdTimeS: 90, routerId, capabilities };
      const local = parseIp4("172.16.1.1");
      using session = await RawSession.start(lab.path("leaf"), bad.address, local, open);
      await until("the session", () => badStatus(speaker).state === "Established");
      await run(speaker, session);
      goodIsUntouched(speaker);
    } finally {
      frr.configure("bgpd", "router bgp 65201", "no neighbor 172.16.1.1 shutdown");
    }
  };

  test("routes that we or our cluster have reflected are told from others", () =>
    inside(async (speaker, session) => {
      session.send(rawUpdate(`${attributes} 800904 ac100001`, "18c63364"));
      session.send(rawUpdate(`${attributes} 800904 ac100064 800a08 ac100065 ac100001`, "18c63365"));
      session.send(rawUpdate(`${attributes} 800904 ac100064 800a04 ac100065`, "18c63366"));
      const counts = await until("three routes", () => {
        const found = badStatus(speaker).counts.get("ipv4-unicast");
        return found?.received === 3 ? found : undefined;
      });
      assert.deepEqual([counts.accepted, [...counts.notUsed]], [1, [["cluster-loop", 2]]]);
      assert.equal(badStatus(speaker).reason, undefined);
    }));

  test("malformed and overlong attributes cost their routes, are counted, and end no session", () =>
    inside(async (speaker, session) => {
      session.send(rawUpdate(attributes, "18c63364 18c63365"));
      // An ORIGINATOR_ID of 5 octets; an attribute longer than the block; an AS segment likewise.
      session.send(rawUpdate(`${attributes} 800905 ac10000100`, "18c63364"));
      session.send(rawUpdate(`${attributes} d0 08 0fff 00000000`, "18c63365"));
      const path = "4002 06 02 ff 0000fe4c";
      session.send(rawUpdate(`400101 00 ${path} 400304 ac100100 400504 00000064`, "18c63366"));
      // ATOMIC_AGGREGATE with a value is dropped alone.
      session.send(rawUpdate(`${attributes} 400601 00`, "18c63367"));
      // A thousand communities are many, and nothing is wrong with them.
      const many = `d0 08 0fa0 ${"fe4c0001".repeat(1000)}`;
      session.send(rawUpdate(`${attributes} ${many}`, "18c63368"));
      // EVPN route of type 99.
      const evpn = "800e 0d 0019 46 04 ac100100 00 63 02 0102";
      session.send(rawUpdate(`400101 00 400200 400504 00000064 ${evpn}`));
      const { discards } = await until("what was discarded", () =>
        badStatus(speaker).discards.unknownRouteTypes === 1 ? badStatus(speaker) : undefined,
      );
      assert.deepEqual(discards, {
        unknownRouteTypes: 1,
        treatedAsWithdrawn: 3,
        withoutAttribute: 1,
      });
      const left = [...speaker.routes({ from: bad.address })].map(({ prefix }) =>
        formatPrefix(prefix),
      );
      assert.deepEqual(left.sort(), ["198.51.103.0/24", "198.51.104.0/24"]);
      assert.equal(badStatus(speaker).state, "Established");
    }));

  for (const [what, bytes, heard, why] of [
    [
      "an UPDATE whose attributes are longer than the message",
      fromHex(`${"ff".repeat(16)}0017 02 0000 00ff`.replaceAll(" ", "")),
      "UPDATE Message Error/Malformed Attribute List (3/1)",
      /sent UPDATE Message Error/,
    ],
    [
      "a message longer than 4096 octets that nobody agreed on",
      fromHex(`${"ff".repeat(16)}1388 02`.replaceAll(" ", "")),
      "Message Header Error/Bad Message Length (1/2)",
      /length 5000/,
    ],
    [
      "a stream without a marker",
      new Uint8Array(19).fill(7),
      "Message Header Error/Connection Not Synchronized (1/1)",
      /sent Message Header Error/,
    ],
  ] as const) {
    test(`${what} ends that session alone, with its reason`, () =>
      inside(async (speaker, session) => {
        session.send(bytes);
        const loss = await until("the end", () => badStatus(speaker).lastLoss);
        assert.match(loss.message, why);
        assert.equal(loss.direction, "sent");
        await until("the NOTIFICATION", () => session.heard.includes(heard));
      }));
  }

  test("a malformed configuration is refused with field, value and wish, and nothing changes", async () => {
    await using speaker = await start({});
    const wrong: readonly (readonly [Partial<PeerConfig>, RegExp])[] = [
      [{ holdTimeMs: 1000 }, /holdTimeMs 1000, want 0 or whole seconds from 3/],
      [{ keepaliveMs: 4000, holdTimeMs: 9000 }, /keepaliveMs 4000, want from 100 to a third/],
      [{ asn: parseAsn(65203) }, /asn 65203, want another than our own/],
      [{ families: [] }, /families empty, want at least one/],
      [{ families: ["ipv6-unicast"] }, /families with ipv6-unicast, want only the speaker's/],
      [{ md5: "" }, /md5 of 0 octets, want 1 to 80/],
      [{ addPathSendMax: 65 }, /addPathSendMax 65, want 1 to 64/],
      [{ strictRole: true }, /strictRole without role/],
      [{ prefixWarningPercent: 50 }, /without prefixCountMax/],
      [{ confederationMember: true }, /without the speaker's confederation/],
      [{ ownRoutesOnly: true }, /ownRoutesOnly without the speaker's ownership/],
      [{ localAddress: bad.address }, /localAddress is the peer's/],
    ];
    for (const [fields, why] of wrong) {
      assert.throws(
        () => speaker.reconfigure(config(fields)),
        (error) => error instanceof SpeakerError && why.test(error.message),
        String(why),
      );
    }
    goodIsUntouched(speaker);
  });
});
