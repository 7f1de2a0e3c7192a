/**
 * A request as the executable sends it: one line of JSON with the verb, the environment and stdin
 * as text, `{"command","containerId","netns","ifname","args","path","config"}`. Stdin travels as a
 * string, so that broken configuration cannot break the envelope.
 */
import { type CniArgs, parseCniArgs } from "./cni-args.ts";
import { CniError } from "./errors.ts";
import { type NetworkConfig, parseNetworkConfig } from "./network-config.ts";
import { type CniVerb, cniVerbs, missingSince } from "./version.ts";

/** What the executable found, unchecked; a variable that is not set is "". */
export interface Envelope {
  readonly command: string;
  readonly containerId: string;
  readonly netns: string;
  readonly ifname: string;
  readonly args: string;
  readonly path: string;
  readonly config: string;
}

export interface AddRequest {
  readonly command: "ADD";
  readonly containerId: string;
  readonly ifname: string;
  /** Path of the pod's network namespace. */
  readonly netns: string;
  readonly args: CniArgs;
  readonly config: NetworkConfig;
}

export interface CheckRequest extends Omit<AddRequest, "command"> {
  readonly command: "CHECK";
}

export interface DelRequest {
  readonly command: "DEL";
  readonly containerId: string;
  readonly ifname: string;
  /** Undefined when the runtime no longer knows it: everything is to be cleaned up all the same. */
  readonly netns: string | undefined;
  readonly args: CniArgs;
  readonly config: NetworkConfig;
}

export interface StatusRequest {
  readonly command: "STATUS";
  readonly config: NetworkConfig;
}

export interface GcRequest {
  readonly command: "GC";
  readonly config: NetworkConfig;
  readonly validAttachments: NonNullable<NetworkConfig["validAttachments"]>;
}

export type CniRequest = AddRequest | CheckRequest | DelRequest | StatusRequest | GcRequest;

const envelopeFields = ["command", "containerId", "netns", "ifname", "args", "path", "config"];

/** @throws CniError DecodingFailure when the line is not an envelope */
export function decodeEnvelope(line: Uint8Array): Envelope {
  const bad = (why: string, cause?: unknown): CniError =>
    new CniError("DecodingFailure", `Cannot decode CNI request: ${why}`, { cause });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line));
  } catch (cause) {
    throw bad("want one line of JSON in UTF-8", cause);
  }
  if (!isStringRecord(value)) throw bad("want an object whose fields are strings");
  const missing = envelopeFields.filter((field) => value[field] === undefined);
  if (missing.length > 0) throw bad(`${missing.join(", ")} missing`);
  return value as Record<keyof Envelope, string>;
}

function isStringRecord(value: unknown): value is Record<string, string> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((field) => typeof field === "string")
  );
}

/** @throws CniError, naming the variable or the field */
export function parseRequest(envelope: Envelope): CniRequest {
  const command = parseVerb(envelope.command);
  const config = parseNetworkConfig(envelope.config);
  const since = missingSince(command, config.cniVersion);
  if (since !== undefined) {
    throw new CniError(
      "IncompatibleVersion",
      `Cannot serve ${command}: cniVersion is ${config.cniVersion}, want ${since} or newer`,
    );
  }
  if (command === "STATUS") return { command, config };
  if (command === "GC") return parseGc(config);
  const attachment = {
    containerId: checked("CNI_CONTAINERID", envelope.containerId),
    ifname: checked("CNI_IFNAME", envelope.ifname),
    args: parseCniArgs(envelope.args),
    config,
  };
  if (command === "DEL") {
    const netns = envelope.netns === "" ? undefined : envelope.netns;
    return { command, netns, ...attachment };
  }
  return { command, netns: checked("CNI_NETNS", envelope.netns), ...attachment };
}

function parseVerb(text: string): CniVerb {
  const verb = cniVerbs.find((known) => known === text);
  if (verb !== undefined) return verb;
  throw new CniError(
    "InvalidEnvironment",
    `Cannot serve CNI_COMMAND ${JSON.stringify(text)}: want ${cniVerbs.join(", ")} or VERSION`,
  );
}

/** A GC without the list would mean "nothing is valid": too dangerous to guess. */
function parseGc(config: NetworkConfig): GcRequest {
  const validAttachments = config.validAttachments;
  if (validAttachments === undefined) {
    throw new CniError(
      "InvalidConfig",
      "Cannot collect garbage: cni.dev/valid-attachments is missing, want a list",
    );
  }
  return { command: "GC", config, validAttachments };
}

const variables = {
  CNI_CONTAINERID: {
    pattern: /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/,
    want: "a letter or digit, then letters, digits, _ . -",
  },
  // The kernel's dev_valid_name, and no "all" or "default", which sysctl paths reserve.
  CNI_IFNAME: {
    pattern: /^(?!\.{1,2}$)(?!(all|default)$)[^/:\s\0]{1,15}$/,
    want: "1 to 15 characters without / : or spaces",
  },
  CNI_NETNS: { pattern: /^\/[^\0]{1,4094}$/, want: "an absolute path" },
} as const;

function checked(name: keyof typeof variables, value: string): string {
  const { pattern, want } = variables[name];
  if (pattern.test(value)) return value;
  const found = value === "" ? "not set" : JSON.stringify(value.slice(0, 80));
  throw new CniError("InvalidEnvironment", `Cannot use ${name}: ${found}, want ${want}`);
}
