/**
 * Events on pods that people see with `kubectl describe`: one for each pod and reason in a while.
 */

import { type Event, eventKind } from "@heddle/api";
import { formatTime, type Store } from "@heddle/kube";
import type { Clock } from "@heddle/std";
import type { WriteQueue } from "../cluster/write-queue.ts";
import type { PodIdentity } from "./pod-identity.ts";

/** A runtime tries a failed pod again every few seconds; the same event once a minute is enough. */
const quietMs = 60_000;

/** Pods remembered; beyond, the oldest is forgotten and may be told once more. */
const rememberedCountMax = 1024;

export class PodEvents {
  readonly #node: string;
  readonly #store: Store;
  readonly #queue: WriteQueue;
  readonly #clock: Clock;
  readonly #lastMs = new Map<string, number>();
  #count = 0;

  constructor(node: string, store: Store, queue: WriteQueue, clock: Clock) {
    this.#node = node;
    this.#store = store;
    this.#queue = queue;
    this.#clock = clock;
  }

  warn(pod: PodIdentity, reason: string, message: string): void {
    const key = `event/${pod.uid}/${reason}`;
    const nowMs = this.#clock.nowMs();
    const lastMs = this.#lastMs.get(key);
    if (lastMs !== undefined && nowMs - lastMs < quietMs) return;
    this.#lastMs.delete(key);
    this.#lastMs.set(key, nowMs);
    for (const oldest of this.#lastMs.keys()) {
      if (this.#lastMs.size <= rememberedCountMax) break;
      this.#lastMs.delete(oldest);
    }
    const event = this.#event(pod, reason, message);
    this.#queue.put(key, async () => void (await this.#store.create(eventKind, event)));
  }

  #event({ pod, uid }: PodIdentity, reason: string, message: string): Event {
    const { name, namespace = "default" } = pod.metadata;
    const wallMs = this.#clock.wallMs();
    const at = formatTime(wallMs);
    this.#count += 1;
    // The convention of client-go: unique by time; the count tells two of one millisecond apart.
    const suffix = `${Math.trunc(wallMs * 1e6 + this.#count).toString(16)}`;
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: `${name.slice(0, 230)}.${suffix}`, namespace },
      involvedObject: { apiVersion: "v1", kind: "Pod", namespace, name, uid },
      type: "Warning",
      reason,
      message: message.slice(0, 1024),
      source: { component: "heddle-agent", host: this.#node },
      reportingComponent: "heddle.io/agent",
      reportingInstance: this.#node,
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    };
  }
}
