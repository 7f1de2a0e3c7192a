/** The families of a RIB: table, update groups and Adj-RIBs-In of each, and what they share. */
import { must } from "@heddle/std";
import type { AddressFamily } from "../packet/address-family.ts";
import { routeTargetsOf, securityTagOf } from "../packet/extended-community.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import { AdjRibIn, type RouteChecks } from "./adj-rib-in.ts";
import { FamilyClasses, isConstrainable, localImportClass } from "./classes.ts";
import type { RibConfig } from "./config.ts";
import { ineligibleScore } from "./decision.ts";
import { FamilyTable } from "./family-table.ts";
import { FlowValidation } from "./flow-validation.ts";
import { IdLists } from "./id-lists.ts";
import { localPeer, type PeerIndex } from "./peer.ts";
import type { PeerTable } from "./peer-table.ts";
import { rowFlowInvalid, rowNotOwner } from "./rows.ts";
import type { FamilySync } from "./sync.ts";
import { TargetSets } from "./target-sets.ts";

/** Flow specifications, and the unicast family that they have to agree with. */
const validated: readonly (readonly [AddressFamily, AddressFamily])[] = [
  ["ipv4-unicast", "ipv4-flowspec"],
  ["ipv6-unicast", "ipv6-flowspec"],
];

export interface FamilyState extends FamilySync {
  readonly adjRibIn: AdjRibIn;
}

export class Families {
  readonly targetSets: TargetSets;
  readonly #config: RibConfig;
  readonly #peers: PeerTable;
  readonly #families: Map<AddressFamily, FamilyState> = new Map();
  /** By unicast family. */
  readonly #validations: Map<AddressFamily, FlowValidation> = new Map();

  /** `onInterest` as of {@link TargetSets}. */
  constructor(
    config: RibConfig,
    peers: PeerTable,
    onInterest: (peer: PeerIndex, set: number) => void,
  ) {
    this.#config = config;
    this.#peers = peers;
    this.targetSets = new TargetSets(onInterest);
    for (const family of config.families) this.#families.set(family, this.#newFamily(family));
    for (const [unicast, flows] of validated) this.#validate(unicast, flows);
  }

  /** True when `flush` has something to do. */
  get dirty(): boolean {
    if (this.states().some(({ table }) => table.dirty)) return true;
    return [...this.#validations.values()].some(({ pending }) => pending);
  }

  flowValidations(): IterableIterator<FlowValidation> {
    return this.#validations.values();
  }

  /** What looks at the routes of a unicast family. */
  flowValidationBy(unicast: AddressFamily): FlowValidation | undefined {
    return this.#validations.get(unicast);
  }

  [Symbol.iterator](): IterableIterator<[AddressFamily, FamilyState]> {
    return this.#families.entries();
  }

  states(): FamilyState[] {
    return [...this.#families.values()];
  }

  find(family: AddressFamily): FamilyState | undefined {
    return this.#families.get(family);
  }

  /** @throws AssertionError when the family is not configured */
  get(family: AddressFamily): FamilyState {
    return must(this.#families.get(family), `family ${family} is configured`);
  }

  #newFamily(family: AddressFamily): FamilyState {
    const { targetSets } = this;
    const table = new FamilyTable(family, this.#config, (row) => {
      const set = table.rows.targetSet[row]!;
      if (set >= 0) targetSets.release(set);
      classes.forgetRow(row);
    });
    const classes = new FamilyClasses(this.#config, table, targetSets, (peer) =>
      this.#peers.originOf(peer),
    );
    if (isConstrainable(family, this.#config)) table.advertisedByTargetSet = new IdLists();
    if (family === "route-target") this.#watchMemberships(table);
    const adjRibIn = new AdjRibIn(
      table,
      localImportClass(this.#config, family),
      this.#peers.get(localPeer).traits,
      this.#checksOf(table),
    );
    return { table, adjRibIn, classes };
  }

  #validate(unicast: AddressFamily, flows: AddressFamily): void {
    const from = this.#families.get(unicast);
    const to = this.#families.get(flows);
    if (from === undefined || to === undefined) return;
    const validation = new FlowValidation(from.table, to.table, this.#config.hashSeed);
    this.#validations.set(unicast, validation);
  }

  /** What a peer announces in this table is what it wants of the others (RFC 4684 3). */
  #watchMemberships(table: FamilyTable): void {
    table.onPath = (id, row, step) => {
      const { rows } = table;
      const peer = rows.peer[row]!;
      if (peer === localPeer || rows.score[row] === ineligibleScore) return;
      const key = table.opaqueKeys!.bytesOf(id);
      if (step > 0) this.targetSets.join(peer, key);
      else this.targetSets.leave(peer, key);
    };
  }

  #checksOf(table: FamilyTable): RouteChecks {
    const words = new Int32Array(4);
    const unicast = validated.find(([, flows]) => flows === table.family)?.[0];
    return {
      isOwnAddress: (address) => this.#peers.isOwnAddress(address),
      hasFlags: (peer) => {
        const { ownRoutesOnly, flowSpecValidation } = this.#peers.get(peer).config;
        if (ownRoutesOnly === true) return true;
        return unicast !== undefined && flowSpecValidation !== false && peer !== localPeer;
      },
      flagsOf: (peer, attributes, id) => {
        const { config, traits } = this.#peers.get(peer);
        const isOwn =
          config.ownRoutesOnly !== true || this.#mayAnnounce(table, peer, attributes, id, words);
        if (unicast === undefined || config.flowSpecValidation === false) {
          return isOwn ? 0 : rowNotOwner;
        }
        // Without unicast routes to compare with, nothing agrees with them.
        const isValid = this.#validations.get(unicast)?.isValid(id, attributes, traits) === true;
        return (isOwn ? 0 : rowNotOwner) | (isValid ? 0 : rowFlowInvalid);
      },
      targetSetOf: (attributes) =>
        table.advertisedByTargetSet === undefined
          ? -1
          : this.targetSets.retain(attributes.extendedCommunities),
    };
  }

  #mayAnnounce(
    table: FamilyTable,
    peer: PeerIndex,
    attributes: PathAttributes,
    id: number,
    words: Int32Array,
  ): boolean {
    const { ownership } = this.#config;
    // Without anybody to ask, nothing is the peer's own.
    if (ownership === undefined) return false;
    const { routeKeys } = table;
    for (let i = 0; i < 4; i += 1) words[i] = routeKeys.wordOf(id, i);
    return ownership.mayAnnounce(
      peer,
      table.family,
      words,
      routeKeys.lengthOf(id),
      routeTargetsOf(attributes.extendedCommunities),
      securityTagOf(attributes.extendedCommunities),
      routeKeys.prefixFamilyOf(id),
    );
  }
}
