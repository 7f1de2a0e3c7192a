/** What the admin socket and the metrics look at. */
import type { Speaker } from "@heddle/speaker";
import type { RouteServerConfig } from "./config/config.ts";
import type { Ownership } from "./ownership/ownership.ts";

export interface RouteServerParts {
  readonly config: Pick<RouteServerConfig, "name" | "asn">;
  readonly startedAtMs: number;
  readonly speaker: Speaker;
  /** Undefined without agents. */
  readonly owners: Owners | undefined;
}

export interface Owners {
  /** URL of the API server. */
  readonly server: string;
  readonly ownership: Ownership;
}

export const version = "0.1.0";
