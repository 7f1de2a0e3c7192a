/**
 * What is wrong with one peer shows on its status and touches no other: each case runs beside a
 * session with FRR that must not notice. Needs root and FRR.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { acceptAll, encodeOpen, type Open } from "@heddle/bgp";
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
    families: ["ipv4-unicast"],
    listen: [{ address: parseIp4("0.0.0.0"), port: 179 }],
    peers: [good, { ...bad, ...peer }],
    multipath: { ebgpCountMax: 16, ibgpCountMax: 1, relaxAsPath: false },
    timers: { idleHoldMinMs: 200, idleHoldMaxMs: 500, connectRetryMs: 1000 },
  };
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
    await until("the good session", () => speaker.peers()[0]?.state === "Established");
    return speaker;
  };
  const badStatus = (speaker: Speaker): PeerStatus => speaker.peers()[1] as PeerStatus;
  const goodIsUntouched = (speaker: Speaker): void => {
    const [first] = speaker.peers();
    assert.deepEqual([first?.state, first?.establishedCount], ["Established", 1]);
    assert.equal(first?.reason, undefined);
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

  test("a malformed configuration is refused with field, value and wish, and nothing changes", async () => {
    await using speaker = await start({});
    const wrong: readonly (readonly [Partial<PeerConfig>, RegExp])[] = [
      [{ holdTimeMs: 1000 }, /holdTimeMs 1000, want 0 or whole seconds from 3/],
      [{ keepaliveMs: 4000, holdTimeMs: 9000 }, /keepaliveMs 4000, want from 100 to a third/],
      [{ asn: parseAsn(65203) }, /asn 65203, want another than our own/],
      [{ families: [] }, /families empty, want at least one/],
      [{ families: ["evpn"] }, /families with evpn, want only the speaker's/],
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
