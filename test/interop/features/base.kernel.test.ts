/** Sessions, families, AS numbers of four octets and the attributes of RFC 4271. */
import assert from "node:assert/strict";
import { parseAsPath } from "@heddle/bgp";
import { formatIp, parsePrefix } from "@heddle/inet";
import { eventually } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { only } from "../harness/only.ts";
import { ourPaths, requireUp, statusOf, unicast } from "../harness/our-speaker.ts";
import { tlsNames } from "../harness/tls.ts";

const ours = 4_200_000_001;
const theirs = 4_200_000_002;

feature("4271/4760/6793 eBGP, two families, 4-octet AS", {}, async (bed) => {
  const { us, them } = bed;
  const peer = { asn: ours, address: us.ip4, families: unicast };
  const daemon = await bed.daemon({ asn: theirs, peers: [peer] });
  const speaker = await bed.speaker({ asn: ours, peers: [{ asn: theirs, address: them.ip4 }] });
  await eventually("session", () => requireUp(speaker));
  await eventually("their session", () => daemon.requireEstablished(us.ip4));
  assert.deepEqual(statusOf(speaker).families, unicast);
  assert.equal(statusOf(speaker).capabilities?.fourOctetAs, true);
  const certificateName = daemon.name === "heddle" ? tlsNames.them : undefined;
  assert.equal(statusOf(speaker).certificateName, certificateName);
  const { routerId } = statusOf(speaker);
  assert.ok(routerId !== undefined);
  assert.equal(formatIp(routerId), them.ip4);

  speaker.announce(parsePrefix("10.1.0.0/16"), {
    med: 77,
    origin: 1,
    asPath: parseAsPath("65099"),
  });
  speaker.announce(parsePrefix("fd01::/48"), { med: 78 });
  const fields = ["asPath", "origin", "nextHop", "med"] as const;
  await eventually("our IPv4 route there", async () => {
    const [path] = await daemon.paths("10.1.0.0/16");
    const want = { asPath: `${ours} 65099`, origin: "egp", nextHop: us.ip4, med: 77 };
    assert.deepEqual(only(path, ...fields), want);
  });
  await eventually("our IPv6 route there", async () => {
    const [path] = await daemon.paths("fd01::/48");
    const want = { asPath: `${ours}`, origin: "igp", nextHop: us.ip6, med: 78 };
    assert.deepEqual(only(path, ...fields), want);
  });

  const own = { asPath: [65098], origin: "egp", med: 5 } as const;
  await daemon.announce({ prefix: "10.2.0.0/16", nextHop: them.ip4, ...own });
  await daemon.announce({ prefix: "fd02::/48", nextHop: them.ip6, ...own });
  await eventually("their routes here", () => {
    const want = { asPath: `${theirs} 65098`, origin: "egp", med: 5 };
    const [path4] = ourPaths(speaker, "10.2.0.0/16");
    assert.deepEqual(only(path4, ...fields), { ...want, nextHop: them.ip4 });
    const [path6] = ourPaths(speaker, "fd02::/48");
    assert.deepEqual(only(path6, ...fields), { ...want, nextHop: them.ip6 });
  });

  speaker.withdraw(parsePrefix("10.1.0.0/16"));
  speaker.withdraw(parsePrefix("fd01::/48"));
  await daemon.withdraw("10.2.0.0/16");
  await eventually("withdrawals", async () => {
    assert.deepEqual(await daemon.paths("10.1.0.0/16"), []);
    assert.deepEqual(await daemon.paths("fd01::/48"), []);
    assert.deepEqual(ourPaths(speaker, "10.2.0.0/16"), []);
  });
});
