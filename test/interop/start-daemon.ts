import { Bird } from "./bird/bird.ts";
import type { Daemon, DaemonConfig, DaemonName } from "./daemon.ts";
import { Exabgp } from "./exabgp/exabgp.ts";
import { Frr } from "./frr/frr.ts";
import { Gobgp } from "./gobgp/gobgp.ts";
import type { Host } from "./harness/lan.ts";
import { Heddle } from "./heddle/heddle.ts";

type Start = (host: Host, config: DaemonConfig) => Promise<Daemon>;

/** Starts a daemon by its name; it answers queries when the promise is fulfilled. */
export const startDaemon: Readonly<Record<DaemonName, Start>> = {
  frr: Frr.start,
  bird: Bird.start,
  gobgp: Gobgp.start,
  exabgp: Exabgp.start,
  heddle: Heddle.start,
};
