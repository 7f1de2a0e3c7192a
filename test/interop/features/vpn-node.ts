/** A node with VPNs: our speaker and `@heddle/vpn` put together, and a kernel below them. */
import type { KeyedFamily, RouteChange } from "@heddle/bgp";
import {
  parseIp,
  parseIp4,
  parseMac,
  parsePrefix,
  parseRouteDistinguisher,
  parseRouteTarget,
  parseVni,
  parseVrfId,
} from "@heddle/inet";
import type { Speaker } from "@heddle/speaker";
import {
  type ImportChange,
  ImportTable,
  type LocalState,
  type OriginatedRoutes,
  originate,
  plan,
  type Subnet,
  type Vrf,
  type Vtep,
} from "@heddle/vpn";
import type { Daemon } from "../daemon.ts";
import { eventually } from "../harness/eventually.ts";
import type { Bed } from "../harness/feature.ts";
import type { Host } from "../harness/lan.ts";
import { requireUp } from "../harness/our-speaker.ts";

export const ourAsn = 65001;
export const theirAsn = 65002;
export const vpnFamilies: readonly KeyedFamily[] = ["evpn"];
const multipath = { ebgpCountMax: 4, ibgpCountMax: 4, relaxAsPath: true };

interface NodeOptions {
  readonly asn?: number;
  readonly families?: readonly KeyedFamily[];
  readonly host?: Host;
}

/** Takes what the table tells. */
export type Install = (changes: readonly ImportChange[]) => Promise<void>;

export class VpnNode {
  readonly imports: ImportTable;
  readonly #vtep: Vtep;
  readonly #install: Install;
  #speaker: Speaker | undefined;
  #originated: OriginatedRoutes = new Map();

  private constructor(host: Host, install: Install) {
    this.#vtep = {
      address: parseIp(host.ip4),
      routerId: parseIp4(host.ip4),
      encapsulations: ["vxlan", "mpls-in-udp"],
      unspecifiedVpn: "mpls-in-udp",
    };
    this.#install = install;
    this.imports = new ImportTable({ vtep: this.#vtep, multipath });
  }

  /** On `host`, with a session to the daemon of the bed. */
  static async start(
    bed: Bed,
    daemon: Daemon,
    install: Install,
    { asn = ourAsn, families = vpnFamilies, host = bed.us }: NodeOptions = {},
  ): Promise<VpnNode> {
    const node = new VpnNode(host, install);
    const peers = [{ asn: theirAsn, address: bed.them.ip4, families }];
    const config = { asn, peers, families, watchedFamilies: families };
    const routes = { apply: (changes: readonly RouteChange[]) => node.#import(changes) };
    node.#speaker = await bed.speaker(config, host, { routes });
    await eventually("a session on both sides", async () => {
      requireUp(node.speaker);
      await daemon.requireEstablished(host.ip4);
    });
    return node;
  }

  get speaker(): Speaker {
    if (this.#speaker === undefined) throw new Error("the node has not been started");
    return this.#speaker;
  }

  /** All that is local to the node; what differs from before is announced or withdrawn. */
  async configure(state: LocalState): Promise<void> {
    const desired = originate(this.#vtep, state);
    for (const { op, route } of plan(desired, this.#originated)) {
      const { attributes, family, key, payload } = route;
      if (op === "announce") this.speaker.announceRoute(family, key, payload, attributes);
      else this.speaker.withdrawRoute(family, key);
    }
    this.#originated = desired;
    this.imports.configure(state.vrfs, state.segments);
    await this.#import([]);
  }

  async #import(changes: readonly RouteChange[]): Promise<void> {
    for (const change of changes) this.imports.update(change);
    while (this.imports.changesPending) await this.#install(this.imports.takeChanges());
  }
}

/** As FRR derives them: its AS and the VNI (RFC 8365 5.1.2.1). */
export function targetOf(vni: number): Vrf["importTargets"] {
  return [parseRouteTarget(`${theirAsn}:${vni}`)];
}

/** The subnet of `vni`, named by it. */
export function subnetOf(
  host: Host,
  vni: number,
  prefix: string,
  more: Partial<Subnet> = {},
): Subnet {
  return {
    name: `${vni}`,
    rd: parseRouteDistinguisher(`${host.ip4}:${vni}`),
    importTargets: targetOf(vni),
    exportTargets: targetOf(vni),
    l2Vni: parseVni(vni),
    irb: "symmetric",
    prefixes: [parsePrefix(prefix)],
    announcePrefixes: false,
    ...more,
  };
}

export function vrfOf(host: Host, vni: number, routerMac: string, more: Partial<Vrf> = {}): Vrf {
  return {
    name: `vrf${vni}`,
    vrfId: parseVrfId(vni),
    rd: parseRouteDistinguisher(`${host.ip4}:${vni}`),
    importTargets: targetOf(vni),
    exportTargets: targetOf(vni),
    l3: { vni: parseVni(vni), routerMac: parseMac(routerMac) },
    subnets: [],
    ...more,
  };
}
