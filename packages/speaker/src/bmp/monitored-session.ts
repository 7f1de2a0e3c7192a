/** What Route Monitoring needs to know of a session, from its OPENs. */
import {
  type AddressFamily,
  addressFamilies,
  addressFamilyNames,
  type BmpPeer,
  bmpPeerTypes,
  decodeOpen,
  headerLength,
  type Open,
  type PeerIndex,
} from "@heddle/bgp";
import type { ObservedSession } from "../observe/observer.ts";

export interface MonitoredSession {
  readonly session: ObservedSession;
  readonly index: PeerIndex;
  readonly families: readonly AddressFamily[];
  /** Families in which what the peer sends has path identifiers (RFC 7911). */
  readonly addPath: ReadonlySet<AddressFamily>;
  /** Before policy; of now is what a message adds. */
  readonly header: Omit<BmpPeer, "postPolicy" | "twoOctetAs" | "atUs">;
  /** What the peer sends has AS numbers of two octets. */
  readonly twoOctetAs: boolean;
}

/** Undefined before both OPENs are there. */
export function monitoredSessionOf(
  session: ObservedSession,
  index: PeerIndex,
): MonitoredSession | undefined {
  const { sentOpen, receivedOpen, peer } = session;
  if (sentOpen === undefined || receivedOpen === undefined) return undefined;
  const local = decodeOpen(sentOpen.subarray(headerLength));
  const remote = decodeOpen(receivedOpen.subarray(headerLength));
  const families = familiesOf(local).filter((family) => familiesOf(remote).includes(family));
  const offers = (open: Open): boolean => open.capabilities.some((c) => c.kind === "four-octet-as");
  return {
    session,
    index,
    families,
    addPath: new Set(families.filter((family) => sendsPaths(local, remote, family))),
    header: {
      ...{ type: bmpPeerTypes.globalInstance, distinguisher: 0n, adjRibOut: false },
      ...{ address: peer.address, asn: remote.asn, routerId: remote.routerId },
    },
    twoOctetAs: !offers(local) || !offers(remote),
  };
}

/** RFC 4760 8: without the capability, IPv4 unicast alone. */
function familiesOf({ capabilities }: Open): readonly AddressFamily[] {
  const named = addressFamilyNames.filter((name) => {
    const { afi, safi } = addressFamilies[name];
    return capabilities.some((c) => c.kind === "multiprotocol" && c.afi === afi && c.safi === safi);
  });
  const isNamed = capabilities.some(({ kind }) => kind === "multiprotocol");
  return isNamed ? named : ["ipv4-unicast"];
}

function sendsPaths(local: Open, remote: Open, family: AddressFamily): boolean {
  const { afi, safi } = addressFamilies[family];
  const offerOf = ({ capabilities }: Open) =>
    capabilities
      .find((c) => c.kind === "add-path")
      ?.families.find((each) => each.afi === afi && each.safi === safi);
  return offerOf(local)?.receive === true && offerOf(remote)?.send === true;
}
