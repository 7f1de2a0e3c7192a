/**
 * What a speaker tells over an admin socket, as JSON. Addresses, prefixes and times are text (RFC
 * 5952, RFC 3339), so that any program can read it.
 */

/** `/v1/bgp/peers` */
export interface PeerView {
  /** Name of the process that speaks: the node, or the route server. */
  readonly node: string;
  /** With `%ifindex` for a link-local one; the name under which actions know it. */
  readonly address: string;
  readonly asn: number;
  readonly kind: string;
  /** Name of the range that the peer connected from. */
  readonly dynamic: string | null;
  readonly certificateName: string | null;
  readonly state: string;
  /** Why there is no session; null while there is one. */
  readonly reason: string | null;
  readonly uptimeMs: number;
  /** Times that the session became Established. */
  readonly establishedCount: number;
  /** Times that an Established session ended. */
  readonly flaps: number;
  /** Of the session. */
  readonly families: readonly string[];
  readonly routerId: string | null;
  readonly bfd: string | null;
  readonly holdTimeMs: number;
  readonly keepaliveMs: number;
  /** Sums over the families. */
  readonly received: number;
  readonly accepted: number;
  readonly advertised: number;
  readonly stale: number;
  /** By family. */
  readonly counts: Readonly<Record<string, FamilyCountsView>>;
  /** Routes thrown away for their form (RFC 7606), by reason, over all sessions. */
  readonly discards: Readonly<Record<string, number>>;
  /** Route refreshes that the peer has been asked for and does not answer. */
  readonly unansweredRefreshes: readonly { readonly family: string; readonly askedAt: string }[];
  /** Families that have come near their prefix limit. */
  readonly prefixWarnings: readonly string[];
  readonly sendQueueOctets: number;
  /** How long the peer has taken less than there is for it; null when it keeps up. */
  readonly slowForMs: number | null;
  readonly messages: {
    readonly received: Readonly<Record<string, number>>;
    readonly sent: Readonly<Record<string, number>>;
  };
  readonly connectRetryCounter: number;
  readonly failureCount: number;
  readonly gracefulRestart: boolean;
  readonly staleFamilies: readonly string[];
  readonly longLivedFamilies: readonly string[];
  /** What the session does beyond RFC 4271; null while there is none. */
  readonly capabilities: Readonly<
    Record<string, boolean | string | readonly string[] | null>
  > | null;
  readonly lastError: string | null;
  readonly lastErrorAt: string | null;
  /** Why the last session that was Established ended. */
  readonly lastLoss: string | null;
  readonly lastLossAt: string | null;
}

export interface FamilyCountsView {
  readonly received: number;
  readonly accepted: number;
  readonly advertised: number;
  readonly stale: number;
  /** Received and not accepted, by what keeps them out. */
  readonly notUsed: Readonly<Record<string, number>>;
}

/** Path attributes; absent ones are absent. */
export interface AttributesView {
  readonly origin: string;
  readonly asPath: string;
  /** `-` for a family without, and for routes that originate here. */
  readonly nextHop: string;
  readonly linkLocalNextHop?: string;
  readonly localPref: number | null;
  readonly med: number | null;
  readonly communities: readonly string[];
  readonly extendedCommunities: readonly string[];
  readonly largeCommunities: readonly string[];
  readonly atomicAggregate?: true;
  readonly aggregator?: string;
  readonly originatorId?: string;
  readonly clusterList?: readonly string[];
  readonly onlyToCustomer?: number;
  readonly aigp?: string;
  readonly pmsiTunnel?: string;
  /** Tunnel types of RFC 9012, by number. */
  readonly tunnels?: readonly number[];
  /** Attributes that are passed on unread: type and hexadecimal value. */
  readonly unknown?: readonly { readonly type: number; readonly value: string }[];
}

/** One row of `/v1/bgp/routes`. */
export interface RouteView extends AttributesView {
  readonly node: string;
  readonly family: string;
  /** A prefix, or the route the way its family writes it. */
  readonly route: string;
  /** `local` for routes that originate here. */
  readonly peer: string;
  /** RFC 7911; 0 without. */
  readonly pathId: number;
  /** Undefined in what one peer has sent or is sent. */
  readonly decision?: DecisionView;
  /** Of what one peer has sent: why it takes no part in the decision; absent when it does. */
  readonly ineligible?: string;
}

export interface DecisionView {
  readonly best: boolean;
  readonly multipath: boolean;
  readonly stale: boolean;
  readonly longLivedStale: boolean;
  /** Why it takes no part in the decision. */
  readonly ineligible: string | null;
  /** The rule by which it lost to the best path; null for that one. */
  readonly lostBy: string | null;
  /** Paths of the route. */
  readonly pathCount: number;
}

/** `/v1/bgp/routes` */
export interface RoutePageView {
  readonly routes: readonly RouteView[];
  /** The `cursor` of the next page; null after the last. A page may be empty and not the last. */
  readonly next: string | null;
}

export interface PolicyTraceView {
  readonly policy: string;
  readonly verdict: "accept" | "reject";
  /** Name or number of the term that decided, or `otherwise`. */
  readonly decidedBy: string;
  readonly terms: readonly {
    readonly term: string;
    readonly verdict: string;
    /** Why it did not match; null when it did. */
    readonly failed: string | null;
  }[];
  readonly changes: readonly {
    readonly attribute: string;
    readonly before: string;
    readonly after: string;
  }[];
}

export interface ExplainedPathView extends RouteView {
  readonly decision: DecisionView;
  /** As received, before import policy. */
  readonly received: AttributesView;
  /** Null for routes that originate here. */
  readonly policy: PolicyTraceView | null;
}

export interface ExplainedExportView {
  readonly peer: string;
  /** Number of the path in `paths` that is meant; null when there is none. */
  readonly path: number | null;
  readonly pathId: number | null;
  /** Null when it is not sent. */
  readonly sent: AttributesView | null;
  readonly notSent: string | null;
  readonly policy: PolicyTraceView | null;
}

/** `/v1/bgp/explain` */
export interface ExplanationView {
  readonly node: string;
  readonly family: string;
  readonly route: string;
  /** The best first. */
  readonly paths: readonly ExplainedPathView[];
  /** Every peer with a session that exchanges the family. */
  readonly exports: readonly ExplainedExportView[];
}
