/**
 * Our speaker under test: sessions, RIB and policy of the product by its public API, no kernel
 * routes. It rehearses at its start, as the route server does. The argument is a file with the
 * case.
 */
import { readFileSync } from "node:fs";
import { type AddressFamily, rehearse } from "@heddle/bgp";
import { parseAsn } from "@heddle/inet";
import { noFib, type PeerConfig, Speaker, type SpeakerConfig } from "@heddle/speaker";
import { createLog } from "@heddle/system";
import { localAddress, localAsn, type Neighbor, neighborsOf } from "./addresses.ts";
import type { Case } from "./cases.ts";
import { importPolicy, reflectorExportPolicy, transitExportPolicy } from "./policy.ts";

const holdTimeMs = 90_000;

function configOf(what: Case): SpeakerConfig {
  const families = familiesOf(what);
  return {
    asn: parseAsn(localAsn),
    routerId: localAddress,
    clusterId: localAddress,
    families,
    listen: [{ address: localAddress, port: 179 }],
    peers: neighborsOf(what).map((neighbor) => peerOf(what, neighbor, families)),
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
    forwarding: false,
  };
}

function familiesOf(what: Case): readonly AddressFamily[] {
  if (what.kind !== "reflector") return ["ipv4-unicast"];
  return what.constrained ? [what.family, "route-target"] : [what.family];
}

function peerOf(
  what: Case,
  { address, asn }: Neighbor,
  families: readonly AddressFamily[],
): PeerConfig {
  const session = {
    address,
    asn: parseAsn(asn),
    families,
    localAddress,
    holdTimeMs,
    passive: true,
  };
  if (what.kind !== "reflector") {
    return { ...session, kind: "fabric", importPolicy, exportPolicy: transitExportPolicy };
  }
  const client = { ...session, kind: "reflector", reflectorClient: true } as const;
  return what.family === "ipv4-unicast"
    ? { ...client, importPolicy, exportPolicy: reflectorExportPolicy }
    : client;
}

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("usage: route-server CASE.json");
const log = createLog("warn", {});
const config = configOf(JSON.parse(readFileSync(file, "utf8")));
rehearse(config.families);
const speaker = await Speaker.start(config, { log, fib: noFib });
process.once("SIGTERM", () => void speaker.stop());
