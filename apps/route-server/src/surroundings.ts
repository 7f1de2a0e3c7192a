/** What the configuration names and does not hold: files. */
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { ConfigError } from "@heddle/config";
import type { TlsConfig } from "@heddle/speaker";
import type { TlsFiles } from "./config/config.ts";

/** @throws ConfigError */
export function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError(`Cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * The first line: what else may be there, such as its end, is none of the password. `where` is the
 * peer that has it, for messages. @throws ConfigError
 */
export function readPassword(file: string, where: string): string {
  try {
    return readFileSync(file, "utf8").replace(/\r?\n.*$/s, "");
  } catch (error) {
    const why = `no password in ${file}, ${messageOf(error)}`;
    throw new ConfigError(`Cannot read ${where}: ${why}`, { cause: error });
  }
}

/** @throws ConfigError when a file cannot be read, or they do not go together */
export function readTls({ certificate, key, authorities }: TlsFiles): TlsConfig {
  const tls = {
    certificate: readText(certificate),
    key: readText(key),
    authorities: readText(authorities),
  };
  try {
    createSecureContext({ cert: tls.certificate, key: tls.key, ca: tls.authorities });
    return tls;
  } catch (error) {
    const files = [certificate, key, authorities].join(", ");
    throw new ConfigError(`Cannot use ${files}: ${messageOf(error)}`, { cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
