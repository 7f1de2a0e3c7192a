/** The example route server between two members that run FRR. Needs root and FRR. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatIp, formatPrefix, parseAsn, parseIp, parseIp4, parsePrefix } from "@heddle/inet";
import { noFib, type Speaker } from "@heddle/speaker";
import { silentLog } from "@heddle/std";
import { Frr } from "../../test/interop/frr/frr.ts";
import { eventually } from "../../test/interop/harness/eventually.ts";
import { type Host, Lan } from "../../test/interop/harness/lan.ts";
import { startRouteServer } from "./route-server.ts";

const serverAsn = 64500;
const own = "203.0.113.0/24";
const foreign = "198.51.100.0/24";

function startMember(host: Host, asn: number, server: string): Promise<Frr> {
  const peer = { address: server, asn: serverAsn, families: ["ipv4-unicast"] } as const;
  return Frr.start(host, { asn, peers: [{ ...peer, role: "rs-client" }] });
}

/** `PREFIX of MEMBER: why it is not used`. */
function heard(speaker: Speaker): string[] {
  return [...speaker.routes()].map(({ prefix, from, ineligible }) => {
    const of = from === undefined ? "us" : formatIp(from);
    return `${formatPrefix(prefix)} of ${of}: ${ineligible ?? "used"}`;
  });
}

test("members get each other's own routes as they were sent", { timeout: 30_000 }, async () => {
  await using owned = new AsyncDisposableStack();
  const lan = owned.use(new Lan());
  const [server, first, second] = [lan.addHost("rs"), lan.addHost("m1"), lan.addHost("m2")];
  const members = [
    { host: first, asn: 64501, prefix: own },
    { host: second, asn: 64502, prefix: foreign },
  ].map(({ host, asn, prefix }) => ({
    address: parseIp(host.ip4),
    asn: parseAsn(asn),
    prefixes: new Set([parsePrefix(prefix)]),
  }));
  const deps = { log: silentLog, fib: noFib, netns: server.path };
  const speaker = owned.use(
    await startRouteServer(parseAsn(serverAsn), parseIp4(server.ip4), members, deps),
  );
  const one = owned.use(await startMember(first, 64501, server.ip4));
  const two = owned.use(await startMember(second, 64502, server.ip4));
  await one.announce({ prefix: own });
  await one.announce({ prefix: foreign });

  await eventually("what the route server made of both routes", () =>
    assert.deepEqual(heard(speaker).sort(), [
      `${foreign} of ${first.ip4}: not-owner`,
      `${own} of ${first.ip4}: used`,
    ]),
  );
  await eventually("the route at the other member", async () => {
    const [path, ...others] = await two.paths(own);
    assert.deepEqual([path?.asPath, path?.nextHop, others], ["64501", first.ip4, []]);
  });
  assert.deepEqual(await two.paths(foreign), []);
});
