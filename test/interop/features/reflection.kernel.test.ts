/** Route reflection and confederations: what is added to routes on their way. */
import assert from "node:assert/strict";
import { parseAsn, parsePrefix } from "@heddle/inet";
import { eventually } from "../harness/eventually.ts";
import { feature } from "../harness/feature.ts";
import { only } from "../harness/only.ts";
import { ourPaths, requireUp } from "../harness/our-speaker.ts";
import { establishedPair, reflectedPair } from "../harness/pair.ts";

const families = ["ipv4-unicast"] as const;
const prefix = "10.1.0.0/16";
const asn = 65000;
const noReflector = { exabgp: "keeps no table and reflects nothing" };

feature("4456 reflection by them", noReflector, async (bed) => {
  const { them } = bed;
  const { speaker, client: source, address } = await reflectedPair(bed, asn, families);
  source.announce(parsePrefix(prefix), { localPref: 150, med: 3 });
  await eventually("the reflected route", () => {
    const fields = ["nextHop", "originatorId", "clusterList", "localPref", "med"] as const;
    assert.deepEqual(only(ourPaths(speaker, prefix)[0], ...fields), {
      ...{ nextHop: address, originatorId: address, clusterList: [them.ip4] },
      ...{ localPref: 150, med: 3 },
    });
  });
});

feature("4456 reflection by us", {}, async (bed) => {
  const { us, them, lan } = bed;
  const other = lan.addHost("other");
  const client = { asn, families, reflectorClient: true };
  const { daemon } = await establishedPair(bed, {
    theirs: { asn },
    ours: { asn, peers: [them, other].map((host) => ({ ...client, address: host.ip4 })) },
  });
  const peers = [{ asn, address: us.ip4, families }];
  const source = await bed.speaker({ asn, peers, families }, other);
  await eventually("third party", () => requireUp(source));
  source.announce(parsePrefix(prefix), { localPref: 150 });
  await eventually("the reflected route there", async () => {
    const [path] = await daemon.paths(prefix);
    const fields = ["nextHop", "originatorId", "clusterList", "localPref"] as const;
    assert.deepEqual(only(path, ...fields), {
      ...{ nextHop: other.ip4, originatorId: other.ip4, clusterList: [us.ip4] },
      localPref: 150,
    });
  });
  await daemon.announce({ prefix: "10.2.0.0/16", nextHop: them.ip4 });
  await eventually("theirs at the third", () => {
    const [path] = ourPaths(source, "10.2.0.0/16");
    assert.deepEqual(only(path, "originatorId", "clusterList"), {
      ...{ originatorId: them.ip4, clusterList: [us.ip4] },
    });
  });
});

const noServer = { exabgp: "keeps no table and passes nothing on" };

feature("7947 route server, theirs", noServer, async (bed) => {
  const { us, them, lan } = bed;
  const other = lan.addHost("other");
  const client = { families, routeServerClient: true };
  const { speaker } = await establishedPair(bed, {
    theirs: {
      peers: [
        { ...client, asn: 65001, address: us.ip4 },
        { ...client, asn: 65003, address: other.ip4 },
      ],
    },
    ourPeer: { role: "rs-client" },
  });
  const peers = [{ asn: 65002, address: them.ip4, families, role: "rs-client" }] as const;
  const source = await bed.speaker({ asn: 65003, peers, families }, other);
  source.announce(parsePrefix(prefix), { med: 7 });
  await eventually("the route as it was", () => {
    assert.deepEqual(only(ourPaths(speaker, prefix)[0], "asPath", "nextHop", "med"), {
      ...{ asPath: "65003", nextHop: other.ip4, med: 7 },
    });
  });
});

feature("7947 route server, ours", {}, async (bed) => {
  const { us, them, lan } = bed;
  const other = lan.addHost("other");
  const client = { families, kind: "fabric", routeServerClient: true } as const;
  const { daemon } = await establishedPair(bed, {
    theirPeer: { routeServer: true },
    ours: {
      peers: [
        { ...client, asn: 65002, address: them.ip4 },
        { ...client, asn: 65003, address: other.ip4 },
      ],
    },
  });
  const peers = [{ asn: 65001, address: us.ip4, families, role: "rs-client" }] as const;
  const member = await bed.speaker({ asn: 65003, peers, families }, other);
  member.announce(parsePrefix(prefix), { med: 7 });
  await daemon.announce({ prefix: "10.2.0.0/16", nextHop: them.ip4, med: 8 });
  await eventually("each at the other as it was", async () => {
    const fields = ["asPath", "nextHop", "med"] as const;
    const [theirs] = await daemon.paths(prefix);
    assert.deepEqual(only(theirs, ...fields), { asPath: "65003", nextHop: other.ip4, med: 7 });
    const [path] = ourPaths(member, "10.2.0.0/16");
    assert.deepEqual(only(path, ...fields), { asPath: "65002", nextHop: them.ip4, med: 8 });
  });
});

const identifier = 64_999;

feature("5065 confederation", { exabgp: "has none" }, async (bed) => {
  const { us, them, lan } = bed;
  const outside = lan.addHost("outside");
  const confederation = { identifier, members: [65001, 65002] };
  const { daemon, speaker } = await establishedPair(bed, {
    theirs: { confederation },
    ours: {
      confederation: { identifier: parseAsn(identifier) },
      peers: [
        { asn: 65002, address: them.ip4, families, kind: "fabric", confederationMember: true },
        { asn: 65100, address: outside.ip4, families, kind: "fabric" },
      ],
    },
  });
  const peers = [{ asn: identifier, address: us.ip4, families }];
  const external = await bed.speaker({ asn: 65100, peers, families }, outside);
  await eventually("the outside session", () => requireUp(external));
  external.announce(parsePrefix(prefix));
  await eventually("the route there", async () => {
    const [path] = await daemon.paths(prefix);
    assert.deepEqual(only(path, "asPath", "localPref"), {
      ...{ asPath: "(65001) 65100", localPref: 100 },
    });
  });
  await daemon.announce({ prefix: "10.2.0.0/16", nextHop: them.ip4 });
  await eventually("their route here, and outside", () => {
    assert.equal(ourPaths(speaker, "10.2.0.0/16")[0]?.asPath, "(65002)");
    assert.equal(ourPaths(external, "10.2.0.0/16")[0]?.asPath, `${identifier}`);
  });
  requireUp(speaker, them.ip4);
});
