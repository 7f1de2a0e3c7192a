/**
 * The programs and their maps, loaded for BPF_PROG_TEST_RUN: one packet in, verdict, packet and
 * counters out.
 */
import assert from "node:assert/strict";
import { type BpfMap, BpfObject, type BpfPerCpuArray, type BpfProgram } from "@heddle/ebpf";
import { type Ifindex, ipToBytes, parsePrefix } from "@heddle/inet";
import { type Fd, withNetns } from "@heddle/native";
import {
  type Counter,
  type DropReason,
  dropReason,
  dropsMap,
  type ForwardPath,
  forwardPath,
  heddleObject,
  pathsMap,
  type Route,
  type Route4Key,
  type Route6Key,
  type RouteAction,
  routeAction,
  routes4Map,
  routes6Map,
  type Vif,
  vifsMap,
} from "../gen/heddle.gen.ts";
import { readObjectFile } from "../object-file.ts";
import { type SkbFields, skbContext } from "./packets.ts";

export const verdict = { unspec: -1, ok: 0, shot: 2, redirect: 7 } as const;

export interface Ran {
  readonly verdict: number;
  readonly packet: Uint8Array;
}

/** A value of the interface table that says nothing. */
export const emptyVif: Vif = {
  vrf: 0,
  address4: 0,
  address6: new Uint8Array(16),
  mac: new Uint8Array(6),
  hostMac: new Uint8Array(6),
  infrastructure4: 0,
  node4: 0,
  infrastructure6: new Uint8Array(16),
  node6: new Uint8Array(16),
  hostIfname: "hv",
};

/** A route without an interface. */
export function plainRoute(action: RouteAction): Route {
  const noMac = new Uint8Array(6);
  return { action: routeAction[action], ifindex: 0, mac: noMac, hostMac: noMac };
}

export class ProgramBench implements Disposable {
  readonly #owned = new DisposableStack();
  readonly #netns: Fd;
  readonly #routes4: BpfMap<Route4Key, Route>;
  readonly #routes6: BpfMap<Route6Key, Route>;
  readonly #drops: BpfPerCpuArray<Counter>;
  readonly #paths: BpfPerCpuArray<Counter>;
  readonly vifs: BpfMap<number, Vif>;
  readonly programs: Readonly<Record<"fromPod" | "toPod" | "fromUplink", BpfProgram>>;

  /** Programs run in `netns`, which is borrowed: that is whose routes they see. */
  constructor(netns: Fd) {
    this.#netns = netns;
    const object = this.#owned.use(BpfObject.load({ bytes: readObjectFile(), spec: heddleObject }));
    this.vifs = this.#owned.use(object.takeMap(vifsMap));
    this.#routes4 = this.#owned.use(object.takeMap(routes4Map));
    this.#routes6 = this.#owned.use(object.takeMap(routes6Map));
    this.#drops = this.#owned.use(object.takePerCpuArray(dropsMap));
    this.#paths = this.#owned.use(object.takePerCpuArray(pathsMap));
    this.programs = {
      fromPod: this.#owned.use(object.takeProgram("from_pod")),
      toPod: this.#owned.use(object.takeProgram("to_pod")),
      fromUplink: this.#owned.use(object.takeProgram("from_uplink")),
    };
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }

  putRoute(vrf: number, text: string, route: Route): void {
    const { address, length } = parsePrefix(text);
    const prefixLength = 32 + length;
    if (typeof address === "number") this.#routes4.set({ prefixLength, vrf, address }, route);
    else this.#routes6.set({ prefixLength, vrf, address: ipToBytes(address) }, route);
  }

  run(program: BpfProgram, ifindex: Ifindex, packet: Uint8Array, fields: SkbFields = {}): Ran {
    const context = skbContext(ifindex, fields);
    const result = withNetns(this.#netns, () => program.testRun(packet, context));
    return { verdict: result.verdict, packet: result.data };
  }

  assertDropped(ran: () => Ran, reason: DropReason): void {
    const index = dropReason[reason];
    const before = [total(this.#drops, index), this.#allDrops()] as const;
    assert.equal(ran().verdict, verdict.shot);
    const after = [total(this.#drops, index), this.#allDrops()];
    assert.deepEqual(after, [before[0] + 1n, before[1] + 1n], `one drop for ${reason}`);
  }

  assertTook(ran: () => Ran, path: ForwardPath, expected: number): Ran {
    const [before, dropped] = [total(this.#paths, forwardPath[path]), this.#allDrops()];
    const result = ran();
    assert.equal(result.verdict, expected);
    assert.equal(total(this.#paths, forwardPath[path]), before + 1n);
    assert.equal(this.#allDrops(), dropped);
    return result;
  }

  #allDrops(): bigint {
    return Object.values(dropReason).reduce((sum, index) => sum + total(this.#drops, index), 0n);
  }
}

function total(counters: BpfPerCpuArray<Counter>, index: number): bigint {
  return counters.get(index).reduce((sum, { packets }) => sum + packets, 0n);
}
