/** The sessions of a case: what each sends, and what it must be sent. */
import { type AddressFamily, encodeEndOfRib } from "@heddle/bgp";
import { seededRng } from "@heddle/std";
import { client, type Neighbor, receiver, sender } from "./addresses.ts";
import type { Case, FirstRouteCase, ReflectorCase, TransitCase } from "./cases.ts";
import { TableReader } from "./nlri-readers.ts";
import * as reflector from "./reflector-routes.ts";
import { type Expectation, wants } from "./route-checker.ts";
import * as tables from "./table.ts";

/** What a generator process is. */
export type TrafficRole = "senders" | "receiver" | "clients";

export interface Endpoint {
  readonly neighbor: Neighbor;
  readonly families: readonly AddressFamily[];
  /** Sent once the session is Established. */
  readonly greeting: Uint8Array;
  readonly announcements: Uint8Array;
  readonly withdrawals: Uint8Array;
  /** Single routes to be announced one by one. */
  readonly probes: readonly Uint8Array[];
  /** By route, of {@link wants}; absent: what comes is dropped. */
  readonly wanted?: Uint8Array;
}

export interface Workload {
  readonly endpoints: readonly Endpoint[];
  /** Where endpoints check what they are sent. */
  readonly expectation?: Expectation;
}

const nothing = new Uint8Array(0);
const tableSeed = 42;

export function workloadOf(what: Case, role: TrafficRole): Workload {
  if (what.kind === "reflector") return clientsOf(what);
  return role === "senders" ? sendersOf(what) : receiverOf(what);
}

/** The routes behind the first `routeCount` are probes, each in a run of its own. */
function tableOf(what: TransitCase | FirstRouteCase): tables.Table {
  const { routeCount, setCount } = what;
  const count = routeCount + probeCountOf(what);
  const table = tables.makeTable(count, setCount, seededRng(tableSeed));
  if (count === routeCount) return table;
  const runs = table.runs.filter((run) => run.start < routeCount);
  const whole = runs.map((run) => ({ start: run.start, end: Math.min(run.end, routeCount) }));
  const single = Array.from({ length: count - routeCount }, (_, i) => {
    return { start: routeCount + i, end: routeCount + i + 1 };
  });
  return { ...table, runs: [...whole, ...single] };
}

function probeCountOf(what: TransitCase | FirstRouteCase): number {
  return what.kind === "first-route" ? what.probeCount : 0;
}

function sendersOf(what: TransitCase | FirstRouteCase): Workload {
  const { routeCount, senderCount } = what;
  const table = tableOf(what);
  const runs = table.runs.filter((run) => run.start < routeCount);
  const probes = table.runs.slice(runs.length);
  const withdrawals = tables.encodeWithdrawals(table, 0, table.address.length);
  const endpoints = Array.from({ length: senderCount }, (_, index): Endpoint => {
    const encode = (some: readonly tables.TableRun[]): Uint8Array =>
      tables.encodeTable(table, some, index, senderCount);
    return {
      neighbor: sender(index),
      families: ["ipv4-unicast"],
      greeting: encodeEndOfRib("ipv4-unicast"),
      announcements: encode(runs),
      withdrawals,
      probes: probes.map((run) => encode([run])),
    };
  });
  return { endpoints };
}

function receiverOf(what: TransitCase | FirstRouteCase): Workload {
  const table = tableOf(what);
  const wanted = new Uint8Array(table.address.length).fill(wants.yes);
  wanted.fill(wants.either, what.routeCount);
  const endpoint: Endpoint = {
    neighbor: receiver,
    families: ["ipv4-unicast"],
    greeting: encodeEndOfRib("ipv4-unicast"),
    ...{ announcements: nothing, withdrawals: nothing, probes: [], wanted },
  };
  const expectation: Expectation = {
    family: "ipv4-unicast",
    reader: new TableReader(table),
    classOf: table.set,
    classes: tables.expectedSets(what.setCount, what.senderCount),
    blocks: new Map<string, number>(),
  };
  return { endpoints: [endpoint], expectation };
}

function clientsOf(what: ReflectorCase): Workload {
  const { clientCount, routesEach, family, constrained } = what;
  const routeCount = clientCount * routesEach;
  const families: AddressFamily[] = constrained ? [family, "route-target"] : [family];
  const endOfRib = encodeEndOfRib(family);
  const endpoints = Array.from({ length: clientCount }, (_, index): Endpoint => {
    const membership = constrained ? reflector.encodeMembership(index) : nothing;
    return {
      neighbor: client(index),
      families,
      greeting: Buffer.concat([membership, endOfRib]),
      announcements: reflector.encodeAnnouncements(what, index),
      withdrawals: reflector.encodeWithdrawals(what, index),
      probes: [],
      wanted: wantedBy(what, index),
    };
  });
  const classOf = Int32Array.from({ length: routeCount }, (_, i) => Math.floor(i / routesEach));
  const expectation: Expectation = {
    family,
    reader: reflector.readerOf(what),
    classOf,
    classes: reflector.expectedOfClients(what),
    blocks: new Map<string, number>(),
  };
  return { endpoints, expectation };
}

/** A reflector may send a client its own routes back; it drops them by their ORIGINATOR_ID. */
function wantedBy(what: ReflectorCase, index: number): Uint8Array {
  const { clientCount, routesEach, constrained } = what;
  const wanted = new Uint8Array(clientCount * routesEach);
  for (let owner = 0; owner < clientCount; owner += 1) {
    const isWanted = !constrained || reflector.vrfOf(owner) === reflector.vrfOf(index);
    const want = owner === index ? wants.either : isWanted ? wants.yes : wants.no;
    wanted.fill(want, owner * routesEach, (owner + 1) * routesEach);
  }
  return wanted;
}
