/** The seam between deciding which pods run and running them. */
import type { Pod } from "@heddle/api";

/**
 * A pod that runs, or whose processes have ended. Plain data: it is kept on disk for the next
 * runner.
 */
export interface PodRecord {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** What CNI calls the container: the pod's sandbox. */
  readonly containerId: string;
  /** Name of the network namespace inside the node. */
  readonly netns: string;
  /** Without prefix length, IPv4 first; empty until ADD has succeeded. */
  readonly addresses: readonly string[];
  /** RFC 3339. */
  readonly startedAt: string;
}

/** What a container does. */
export interface ContainerView {
  readonly name: string;
  readonly isRunning: boolean;
  /** Of the last process that ended; undefined when that is not known. */
  readonly exitCode: number | undefined;
  readonly restartCount: number;
  /** RFC 3339, of the last start or end. */
  readonly changedAt: string;
}

/** A message for the pod's status, when it cannot be started. */
export class PodStartError extends Error {
  override readonly name = "PodStartError";
}

export interface PodRuntime {
  /** Pods that an earlier runner left, running or half started. */
  list(): Promise<readonly PodRecord[]>;
  /**
   * Makes the sandbox, calls CNI ADD and starts the containers. @throws PodStartError, with nothing
   * left behind
   */
  start(pod: Pod): Promise<PodRecord>;
  /** Restarts what has ended and may be restarted; the current state of every container. */
  observe(record: PodRecord, pod: Pod): Promise<readonly ContainerView[]>;
  /**
   * Ends the processes, calls CNI DEL and removes the sandbox. Succeeds when any of it is gone
   * already.
   */
  stop(record: PodRecord): Promise<void>;
}
