/** What is asked of authorisation and what it answers. */
import type { KubeObject } from "@heddle/api";

export type Verb =
  | "get"
  | "list"
  | "watch"
  | "create"
  | "update"
  | "patch"
  | "delete"
  | "deletecollection";

/**
 * One request. `group` is "" for the core group; `namespace` is absent for all namespaces or none.
 */
export interface Attributes {
  readonly verb: Verb;
  readonly group: string;
  /** Plural name; "" for a path that is no resource. */
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  /** The object as it will be; for create, update and patch. */
  readonly object?: KubeObject;
  /** The object as it is stored; for update, patch and delete. */
  readonly previous?: KubeObject;
  /** Field selector of a list or watch. */
  readonly fieldSelector?: string;
}

/** What an agent's rules ask about the cluster beside the objects of the request. */
export interface ClusterFacts {
  /**
   * Whether a node can no longer announce anything: it has no Lease, or its Lease has run out for
   * longer than its peers keep its routes. Only then may another node take what it owned.
   */
  isNodeGone(node: string): boolean;
}

export interface Decision {
  readonly allowed: boolean;
  /** Why; for the message of a refusal and for the audit log. */
  readonly reason: string;
}
