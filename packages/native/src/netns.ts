/**
 * Network namespaces. A namespace is a descriptor ({@link Fd}); sockets that were made in it stay
 * in it, so most work needs no thread to be there. Where one must (writing /proc/sys/net), {@link
 * withNetns} goes there for one synchronous call.
 */
import { assert } from "@heddle/std";
import { loadAddon, type Result } from "./binding.ts";
import { Fd } from "./fd.ts";
import { check } from "./system-error.ts";

interface NetnsBinding {
  netnsOpen(path: string): Result;
  netnsSelf(): Result;
  netnsCreate(): Result;
  netnsEnter(fd: number): Result;
  netnsCall(fd: number, run: () => void): Result;
  netnsInode(fd: number): Result;
}

const native = loadAddon<NetnsBinding>();

/**
 * Opens `/run/netns/NAME` or `/proc/PID/ns/net`. The caller owns the result.
 * @throws SystemError ENOENT when there is none, EINVAL when the file is something else (also a
 *   file under /run/netns whose namespace is gone)
 */
export function openNetns(path: string): Fd {
  return new Fd(check(native.netnsOpen(path), "open", `open network namespace ${path}`));
}

/** The namespace that the calling thread is in. The caller owns the result. @throws SystemError */
export function ownNetns(): Fd {
  return new Fd(check(native.netnsSelf(), "open", "open the own network namespace"));
}

/** A new, unnamed namespace, which lives as long as something refers to it. @throws SystemError */
export function createNetns(): Fd {
  return new Fd(check(native.netnsCreate(), "unshare", "create a network namespace"));
}

/** The identity of a namespace on this machine while it exists. @throws SystemError */
export function netnsOf(netns: Fd): number {
  return check(native.netnsInode(netns.number), "fstat", "identify a network namespace");
}

/**
 * Runs `run` with the calling thread in `netns`. Must be synchronous: what runs after an await runs
 * at home. The process ends when the thread cannot come back.
 * @throws SystemError when the thread cannot go there, and whatever `run` throws
 */
export function withNetns<T>(netns: Fd, run: () => T): T {
  let outcome: { readonly value: T } | undefined;
  const call = (): void => {
    outcome = { value: run() };
  };
  check(native.netnsCall(netns.number, call), "setns", "enter a network namespace");
  assert(outcome !== undefined, "the call ran");
  assert(!(outcome.value instanceof Promise), "what runs in a namespace is synchronous");
  return outcome.value;
}

/**
 * Moves the calling thread for good: for a Worker that lives in one namespace. @throws SystemError
 */
export function enterNetns(netns: Fd): void {
  check(native.netnsEnter(netns.number), "setns", "enter a network namespace");
}
