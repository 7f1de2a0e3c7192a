/** Reads all that a configuration needs, as a start does, and starts nothing. */
import { type Ifindex, parseIfindex } from "@heddle/inet";
import type { RouteServerConfig } from "./config/config.ts";
import { formatConfig } from "./config/format-config.ts";
import { speakerConfigOf } from "./config/speaker-config.ts";
import { interfaceNamesOf, readConfig } from "./route-server.ts";
import { readPassword, readTls } from "./surroundings.ts";

/** What would be in force. @throws ConfigError */
export function checkFile(file: string): string {
  const config = readConfig(file);
  const { tls } = config;
  speakerConfigOf(config, {
    tls: tls === undefined ? undefined : readTls(tls),
    passwordIn: readPassword,
    ifindexOf: anyInterface(config),
    ownership: { mayAnnounce: () => false },
    formerPeers: undefined,
  });
  return formatConfig(config);
}

/** Those of the machine where it will run may be others. */
function anyInterface(config: RouteServerConfig): (name: string) => Ifindex {
  const names = interfaceNamesOf(config);
  return (name) => parseIfindex(names.indexOf(name) + 1);
}
