/**
 * What is pinned, and where:
 *
 *     <root>/<layout hash>/<map>   the maps of one generation: programs that agree on every layout
 *     <root>/links/<interface>     attachments of uplinks, which outlive generations
 *
 * A change of layout makes a new generation. It is filled in a folder `next-<hash>`, and gets its
 * own name when its programs have replaced the old ones, so whatever is interrupted, the next start
 * finds either the old generation or the new one, whole, and forwarding never stops. (The kernel
 * refuses names with a dot on a bpf file system.)
 */
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { BpfObject, migratePinnedMap } from "@heddle/ebpf";
import { heddleObject, routes4Map, routes6Map, vifsMap } from "./gen/heddle.gen.ts";

/** Maps whose entries the next generation takes over. Counters start again. */
const carriedMaps: readonly string[] = [vifsMap.name, routes4Map.name, routes6Map.name];

const nextPrefix = "next-";
const generationName = /^[0-9a-f]{16}$/;

export interface LoadedGeneration {
  /** Owned by the caller. */
  readonly object: BpfObject;
  /** To be called when the programs of `object` have replaced those of every other generation. */
  settle(): void;
}

/** @throws EbpfError, SystemError */
export function loadGeneration(root: string, bytes: Uint8Array): LoadedGeneration {
  mkdirSync(path.join(root, "links"), { recursive: true, mode: 0o700 });
  const names = readdirSync(root);
  const own = path.join(root, heddleObject.layoutHash);
  const next = path.join(root, `${nextPrefix}${heddleObject.layoutHash}`);
  // Left by an upgrade that was interrupted before its programs were in force, or that must be done
  // again.
  for (const name of names) if (name.startsWith(nextPrefix)) removePins(path.join(root, name));
  const others = names
    .filter((name) => generationName.test(name) && name !== heddleObject.layoutHash)
    .map((name) => path.join(root, name));
  const previous = names.includes(heddleObject.layoutHash) ? undefined : others[0];
  const pinFolder = previous === undefined ? own : next;
  const object = BpfObject.load({ bytes, spec: heddleObject, pinFolder });
  if (previous !== undefined) carryOver(previous, next);
  return {
    object,
    settle(): void {
      if (previous !== undefined) renameSync(next, own);
      for (const folder of others) removePins(folder);
    },
  };
}

/** A map that the previous generation lacks stays empty. */
function carryOver(previous: string, next: string): void {
  const known = readdirSync(previous);
  for (const name of carriedMaps) {
    if (known.includes(name)) migratePinnedMap(path.join(previous, name), path.join(next, name));
  }
}

/** Programs that are attached keep their maps; only the names go. */
function removePins(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
