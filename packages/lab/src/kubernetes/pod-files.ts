/** Records of a node's pods in the state directory: one directory per pod, named after its uid. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isErrno } from "../state/process.ts";
import type { CniDocument } from "./cni-runtime.ts";
import type { PodRecord } from "./pod-runtime.ts";

export class PodFiles {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Holds the process records of the pod's sandbox and containers, too. */
  directory(uid: string): string {
    return path.join(this.#root, uid);
  }

  list(): PodRecord[] {
    let uids: string[];
    try {
      uids = readdirSync(this.#root);
    } catch (error) {
      if (isErrno(error, "ENOENT")) return [];
      throw error;
    }
    return uids.flatMap((uid) => {
      const record = this.#read<PodRecord>(uid, "record");
      return record === undefined ? [] : [record];
    });
  }

  write(record: PodRecord): void {
    mkdirSync(this.directory(record.uid), { recursive: true });
    this.#replace(record.uid, "record", record);
  }

  writeResult(uid: string, result: CniDocument): void {
    this.#replace(uid, "cni-result", result);
  }

  readResult(uid: string): CniDocument | undefined {
    return this.#read<CniDocument>(uid, "cni-result");
  }

  remove(uid: string): void {
    rmSync(this.directory(uid), { recursive: true, force: true });
  }

  /** A reader sees the old or the new text. */
  #replace(uid: string, name: string, value: unknown): void {
    const file = path.join(this.directory(uid), name);
    writeFileSync(`${file}.new`, `${JSON.stringify(value)}\n`);
    renameSync(`${file}.new`, file);
  }

  #read<T>(uid: string, name: string): T | undefined {
    try {
      return JSON.parse(readFileSync(path.join(this.directory(uid), name), "utf8")) as T;
    } catch (error) {
      if (isErrno(error, "ENOENT")) return undefined;
      throw error;
    }
  }
}
