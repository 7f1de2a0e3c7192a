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

/** A per-peer header; the time is what a message adds. */
export type PeerHeader = Omit<BmpPeer, "atUs">;

export interface MonitoredSession {
  readonly session: ObservedSession;
  readonly index: PeerIndex;
  readonly families: readonly AddressFamily[];
  /** Families in which what the peer sends has path identifiers (RFC 7911). */
  readonly addPathReceive: ReadonlySet<AddressFamily>;
  /** Families in which what the peer is sent has them. */
  readonly addPathSend: ReadonlySet<AddressFamily>;
  /** Before policy, with AS numbers of four octets. */
  readonly header: PeerHeader;
  /** Messages of the session have AS numbers of two octets. */
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
    addPathReceive: new Set(families.filter((family) => sendsPaths(remote, local, family))),
    addPathSend: new Set(families.filter((family) => sendsPaths(local, remote, family))),
    header: {
      ...{ type: bmpPeerTypes.globalInstance, distinguisher: 0n, address: peer.address },
      ...{ asn: remote.asn, routerId: remote.routerId, postPolicy: false, twoOctetAs: false },
      ...{ adjRibOut: false, filtered: false },
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

function sendsPaths(from: Open, to: Open, family: AddressFamily): boolean {
  const { afi, safi } = addressFamilies[family];
  const offerOf = ({ capabilities }: Open) =>
    capabilities
      .find((c) => c.kind === "add-path")
      ?.families.find((each) => each.afi === afi && each.safi === safi);
  return offerOf(from)?.send === true && offerOf(to)?.receive === true;
}
