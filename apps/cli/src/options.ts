/** Options that every command has. */
import type { Command } from "commander";
import type { OutputFormat } from "./output.ts";

export interface GlobalOptions {
  readonly output: OutputFormat;
  readonly stateDir: string;
}

export function globalOptions(command: Command): GlobalOptions {
  return command.optsWithGlobals<GlobalOptions>();
}
