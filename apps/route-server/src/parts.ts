/** What the admin socket and the metrics look at. */
import type { Speaker } from "@heddle/speaker";
import type { RouteServerConfig } from "./config/config.ts";
import type { Ownership } from "./ownership/ownership.ts";

export interface RouteServerParts {
  readonly config: RouteServerConfig;
  readonly startedAtMs: number;
  /** URL of the API server. */
  readonly server: string;
  readonly speaker: Speaker;
  readonly ownership: Ownership;
}

export const version = "0.1.0";
