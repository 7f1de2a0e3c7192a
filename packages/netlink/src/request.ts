import type { Writer } from "@heddle/codec";
import type { Family } from "@heddle/inet";
import { assert } from "@heddle/std";
import { AF_INET, AF_INET6, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "./uapi/rtnetlink.ts";

/**
 * One message to the kernel, as data: built by the functions of each object's file, sent by
 * `Rtnetlink`.
 */
export interface Request {
  /** `RTM_*`. */
  readonly type: number;
  /** `NLM_F_*` besides NLM_F_REQUEST and NLM_F_ACK. */
  readonly flags: number;
  /** Continues "Cannot" in the error's message. */
  readonly doing: string;
  /** Appends the message's payload. */
  readonly encode: (w: Writer) => void;
}

/**
 * What to do when the object exists: `create` fails with EEXIST, `replace` overwrites it in one
 * step.
 */
export type CreateMode = "create" | "replace";

export function createFlags(mode: CreateMode): number {
  return NLM_F_CREATE | (mode === "create" ? NLM_F_EXCL : NLM_F_REPLACE);
}

export function afOf(family: Family): number {
  return family === 4 ? AF_INET : AF_INET6;
}

/**
 * @throws AssertionError for a name that no interface can have; it would be cut or refused by the
 *   kernel.
 */
export function assertIfname(name: string): void {
  assert(/^[^\s/:]{1,15}$/.test(name) && name !== "." && name !== "..", "an interface name fits");
}
