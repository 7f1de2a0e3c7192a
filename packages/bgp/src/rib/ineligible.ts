/** Why a path takes no part in the decision process. */
export type Ineligible =
  | "policy"
  | "as-loop"
  | "cluster-loop"
  | "own-next-hop"
  /** RFC 9234 5. */
  | "route-leak"
  /** See `RouteOwnership`. */
  | "not-owner"
  /** RFC 8955 6. */
  | "flow-validation";
