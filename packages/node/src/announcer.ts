import { nativeVrf, type OwnBlock } from "@heddle/vrouter";

/**
 * Routes of this node's blocks and fixed addresses, each in its VRF, told to its BGP peers. Calls
 * are idempotent and never reject: a session that is down learns the state of affairs when it comes
 * up.
 */
export interface Announcer {
  announce(block: OwnBlock): void | Promise<void>;
  /** Resolves when the withdrawal, if there was a route, has been handed to the sessions. */
  withdraw(block: OwnBlock): void | Promise<void>;
}

/** Takes prefixes of the native VRF. */
export interface NativeAnnouncer {
  announce(prefix: OwnBlock["prefix"]): void;
  withdraw(prefix: OwnBlock["prefix"]): void;
}

/**
 * The leaves route the native VRF, by unicast routes. Addresses of others may overlap with it: they
 * are for the nodes that have their VPC, by VPN routes.
 */
export class NodeAnnouncer implements Announcer {
  readonly #native: NativeAnnouncer;
  readonly #vpn: Announcer;

  constructor(native: NativeAnnouncer, vpn: Announcer) {
    this.#native = native;
    this.#vpn = vpn;
  }

  announce({ vrf, prefix }: OwnBlock): void | Promise<void> {
    return vrf === nativeVrf ? this.#native.announce(prefix) : this.#vpn.announce({ vrf, prefix });
  }

  withdraw({ vrf, prefix }: OwnBlock): void | Promise<void> {
    return vrf === nativeVrf ? this.#native.withdraw(prefix) : this.#vpn.withdraw({ vrf, prefix });
  }
}
