/** `heddle bgp capture`: messages into a file for Wireshark or tcpdump. */
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Command } from "commander";
import { streamFromAgent } from "../agent-client.ts";
import { CliError, exitCodes } from "../exit.ts";
import { globalOptions } from "../options.ts";
import { printJson } from "../output.ts";
import { type BgpTargetOptions, bgpTargets, nodeOption, socketOption } from "./bgp-targets.ts";

interface CaptureOptions extends BgpTargetOptions {
  readonly out: string;
  readonly peer?: string;
  readonly seconds: string;
  readonly octets?: string;
}

export function captureCommand(): Command {
  return new Command("capture")
    .description(
      "the messages of sessions into a pcapng file, also those inside TLS; the headers of IP and " +
        "TCP in it are made up, with port 179 for whatever port BGP has",
    )
    .requiredOption("--out <file>", "to write; - is the standard output")
    .option("--peer <address>", "only this peer")
    .option("--seconds <count>", "how long", "10")
    .option("--octets <count>", "how long the file may become; default 64 MiB")
    .addOption(nodeOption())
    .addOption(socketOption())
    .action((options: CaptureOptions, command: Command) => capture(options, command));
}

async function capture(options: CaptureOptions, command: Command): Promise<void> {
  const { output, stateDir } = globalOptions(command);
  const targets = bgpTargets(stateDir, options);
  const [target] = targets;
  if (target === undefined || targets.length > 1) {
    const names = targets.map(({ node }) => node).join(" ");
    throw new CliError(
      `a capture is of one speaker, want --node with one of: ${names}`,
      exitCodes.usage,
    );
  }
  const { out, peer, seconds, octets } = options;
  const query = new URLSearchParams({ seconds });
  if (peer !== undefined) query.set("peer", peer);
  if (octets !== undefined) query.set("octets", octets);
  const path = `/v1/bgp/capture?${query}`;
  const chunks = await streamFromAgent(target.socketPath, path, "POST");
  let length = 0;
  const counted = async function* (): AsyncIterable<Uint8Array> {
    for await (const chunk of chunks) {
      length += chunk.length;
      yield chunk;
    }
  };
  const toStdout = out === "-";
  try {
    const source = Readable.from(counted(), { objectMode: false });
    await pipeline(source, toStdout ? process.stdout : createWriteStream(out));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError(`Cannot write the capture to ${out}: ${why}`, exitCodes.unavailable, error);
  }
  if (toStdout) return;
  if (output === "json") printJson({ file: out, octets: length });
  else console.log(`${out}: ${length} octets`);
}
