/**
 * The network configuration on stdin: what the runtime made of the conflist for one plugin call.
 * Fields that other plugins and runtimes use (`ipam`, `runtimeConfig`, `capabilities`, …) are
 * allowed and ignored; the ones we read are checked.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { CniError } from "./errors.ts";
import type { CniResult } from "./result.ts";
import { type CniVersion, cniVersions, isCniVersion } from "./version.ts";

export interface Attachment {
  readonly containerId: string;
  readonly ifname: string;
}

export interface NetworkConfig {
  readonly cniVersion: CniVersion;
  /** Name of the network. */
  readonly name: string;
  /** Name of the executable. */
  readonly type: string;
  /** MTU of pod interfaces; absent means the node decides. */
  readonly mtu?: number;
  /** Result of the plugin before us in the chain (ADD), or of the ADD (CHECK, DEL). */
  readonly prevResult?: CniResult;
  /** GC: the attachments that are still valid. */
  readonly validAttachments?: readonly Attachment[];
}

interface RawConfig {
  readonly cniVersion: string;
  readonly name: string;
  readonly type: string;
  readonly mtu?: number;
  readonly prevResult?: CniResult;
  readonly "cni.dev/valid-attachments"?: readonly RawAttachment[];
  /** The name that a first draft of specification 1.1 gave to it; libcni sends both. */
  readonly "cni.dev/attachments"?: readonly RawAttachment[];
}

interface RawAttachment {
  readonly containerID: string;
  readonly ifname: string;
}

const attachments = {
  type: ["array", "null"],
  items: {
    type: "object",
    required: ["containerID", "ifname"],
    properties: { containerID: { type: "string" }, ifname: { type: "string" } },
  },
};

const prevResult = {
  type: "object",
  properties: {
    cniVersion: { type: "string" },
    interfaces: {
      type: "array",
      items: {
        type: "object",
        required: ["name"],
        properties: {
          name: { type: "string" },
          mac: { type: "string" },
          sandbox: { type: "string" },
        },
      },
    },
    ips: {
      type: "array",
      items: {
        type: "object",
        required: ["address"],
        properties: { address: { type: "string" }, interface: { type: "integer", minimum: 0 } },
      },
    },
    routes: {
      type: "array",
      items: { type: "object", required: ["dst"], properties: { dst: { type: "string" } } },
    },
    dns: { type: "object" },
  },
};

const schema = {
  type: "object",
  required: ["cniVersion", "name", "type"],
  properties: {
    cniVersion: { type: "string" },
    name: { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9_.-]*$" },
    type: { type: "string", minLength: 1 },
    // 1280 is the smallest MTU of an IPv6 link (RFC 8200 section 5), 65535 the largest of a veth.
    mtu: { type: "integer", minimum: 1280, maximum: 65535 },
    prevResult,
    "cni.dev/valid-attachments": attachments,
    "cni.dev/attachments": attachments,
  },
};

const validate: ValidateFunction<RawConfig> = new Ajv({
  allErrors: true,
  allowUnionTypes: true,
}).compile<RawConfig>(schema);

/** Errors named in one message. */
const errorCountMax = 10;

/** @throws CniError DecodingFailure, InvalidConfig, IncompatibleVersion; each names the field */
export function parseNetworkConfig(text: string): NetworkConfig {
  const raw = parseJson(text);
  if (!validate(raw)) {
    throw new CniError("InvalidConfig", describe(validate.errors ?? []));
  }
  if (!isCniVersion(raw.cniVersion)) {
    const found = `Cannot serve CNI version ${JSON.stringify(raw.cniVersion)}`;
    const wanted = `want one of ${cniVersions.join(", ")}`;
    throw new CniError("IncompatibleVersion", `${found}: ${wanted}`);
  }
  const valid = raw["cni.dev/valid-attachments"] ?? raw["cni.dev/attachments"];
  return {
    cniVersion: raw.cniVersion,
    name: raw.name,
    type: raw.type,
    ...(raw.mtu === undefined ? {} : { mtu: raw.mtu }),
    ...(raw.prevResult === undefined ? {} : { prevResult: raw.prevResult }),
    ...(valid === undefined || valid === null ? {} : { validAttachments: valid.map(nativeNames) }),
  };
}

function nativeNames(raw: RawAttachment): Attachment {
  return { containerId: raw.containerID, ifname: raw.ifname };
}

/**
 * The `cniVersion` of a configuration that is otherwise wrong, to echo it in the error; undefined
 * when unreadable.
 */
export function findCniVersion(text: string): string | undefined {
  return /"cniVersion"\s*:\s*"([0-9.]{1,16})"/.exec(text)?.[1];
}

function parseJson(text: string): unknown {
  if (text.trim() === "") {
    throw new CniError("DecodingFailure", "Cannot decode network configuration: stdin is empty");
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CniError("DecodingFailure", `Cannot decode network configuration: ${why}`, { cause });
  }
}

function describe(errors: readonly ErrorObject[]): string {
  const shown = errors.slice(0, errorCountMax).map((error) => {
    const path = error.instancePath.slice(1).replaceAll("/", ".").replaceAll("~1", "/");
    return path === "" ? String(error.message) : `${path} ${error.message}`;
  });
  const omitted = errors.length - shown.length;
  const more = omitted > 0 ? `; ${omitted} omitted` : "";
  return `Cannot use network configuration: ${shown.join("; ")}${more}`;
}
