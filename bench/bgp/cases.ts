/** What is measured. Every process of a run makes the same workload from the same case. */

/** Senders in ASes of their own, all with the whole table; one receiver in another AS. */
export interface TransitCase {
  readonly kind: "transit";
  /** For `--cases`. */
  readonly id: string;
  readonly title: string;
  readonly routeCount: number;
  readonly senderCount: number;
  /** Of which runs of 5 to 20 prefixes draw theirs. */
  readonly setCount: number;
}

/** One route after the other to a speaker that holds `routeCount` and is idle. */
export interface FirstRouteCase extends Omit<TransitCase, "kind"> {
  readonly kind: "first-route";
  readonly probeCount: number;
}

/** Clients of one reflector; each must get the routes of all others, or of its VRF alone. */
export interface ReflectorCase {
  readonly kind: "reflector";
  readonly id: string;
  readonly title: string;
  readonly family: ReflectorFamily;
  readonly clientCount: number;
  readonly routesEach: number;
  /** Clients announce which route target they want (RFC 4684) and must get nothing else. */
  readonly constrained: boolean;
}

export type ReflectorFamily = "ipv4-unicast" | "ipv4-vpn" | "evpn";

export type Case = TransitCase | FirstRouteCase | ReflectorCase;

/** Client `n` is in VRF `n % vrfCount`. */
export const vrfCount = 20;

function transit(id: string, routeCount: number, senderCount: number, setCount = 800): TransitCase {
  const count = routeCount >= 1e6 ? `${routeCount / 1e6}M` : `${routeCount / 1e3}k`;
  const sets = setCount === 800 ? "" : ", 28k sets";
  const title = `${count} x ${senderCount}${sets}`;
  return { kind: "transit", id, title, routeCount, senderCount, setCount };
}

/** Fewer routes with constraints, where GoBGP is the only other one: its time is quadratic. */
function reflector(id: string, family: ReflectorFamily, constrained: boolean): ReflectorCase {
  const routesEach = constrained ? 20 : 100;
  const title = `200 x ${routesEach} ${family}${constrained ? " RTC" : ""}`;
  return {
    ...{ kind: "reflector", id, title, family, constrained },
    ...{ clientCount: 200, routesEach },
  };
}

/** 40 000 runs draw from 50 000 sets: about 28 000 of them occur. */
const manySets = 50_000;

export const cases: readonly Case[] = [
  transit("100k-x1", 100_000, 1),
  transit("100k-x5", 100_000, 5),
  transit("500k-x5", 500_000, 5),
  transit("1m-x1", 1_000_000, 1),
  transit("1m-x5", 1_000_000, 5),
  transit("28k-x1", 500_000, 1, manySets),
  transit("28k-x5", 500_000, 5, manySets),
  {
    ...transit("first-route", 100_000, 1),
    kind: "first-route",
    title: "first route out",
    probeCount: 20,
  },
  reflector("reflector", "ipv4-unicast", false),
  reflector("vpn", "ipv4-vpn", false),
  reflector("vpn-rtc", "ipv4-vpn", true),
  reflector("evpn", "evpn", false),
  reflector("evpn-rtc", "evpn", true),
  {
    ...reflector("thousand", "ipv4-unicast", false),
    title: "1000 sessions x 20",
    clientCount: 1000,
    routesEach: 20,
  },
];

/** For `--quick`. */
export const quickCases: readonly string[] = ["100k-x1", "100k-x5", "first-route", "reflector"];
