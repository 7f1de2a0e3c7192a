/**
 * CNI_ARGS: `KEY=VALUE;KEY=VALUE`. Runtimes of Kubernetes pass the pod here. A key that we do not
 * know is an error unless IgnoreUnknown is set, which every Kubernetes runtime does.
 */
import { CniError } from "./errors.ts";

export interface CniArgs {
  readonly podNamespace?: string;
  readonly podName?: string;
  readonly podUid?: string;
}

const keys: Readonly<Record<string, keyof CniArgs>> = {
  K8S_POD_NAMESPACE: "podNamespace",
  K8S_POD_NAME: "podName",
  K8S_POD_UID: "podUid",
};

/** Known to runtimes and without a meaning for us. */
const ignored = new Set(["IgnoreUnknown", "K8S_POD_INFRA_CONTAINER_ID"]);

const patterns: Readonly<Record<keyof CniArgs, { pattern: RegExp; want: string }>> = {
  podNamespace: { pattern: /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, want: "a DNS label" },
  podName: { pattern: /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/, want: "a DNS subdomain" },
  podUid: { pattern: /^[-A-Za-z0-9]{1,64}$/, want: "1 to 64 letters, digits and dashes" },
};

/** @throws CniError InvalidEnvironment, naming the key */
export function parseCniArgs(text: string): CniArgs {
  const pairs = text.split(";").filter((pair) => pair !== "");
  const entries = pairs.map(parsePair);
  const ignoreUnknown = entries.some(([key, value]) => key === "IgnoreUnknown" && isTrue(value));
  const args: { -readonly [K in keyof CniArgs]: string } = {};
  for (const [key, value] of entries) {
    const field = keys[key];
    if (field !== undefined && value !== "") {
      args[field] = checked(key, field, value);
    } else if (field === undefined && !ignored.has(key) && !ignoreUnknown) {
      throw invalid(`unknown key ${JSON.stringify(key)} without IgnoreUnknown=1`);
    }
  }
  return args;
}

function parsePair(pair: string): [string, string] {
  const equals = pair.indexOf("=");
  if (equals < 1) throw invalid(`${JSON.stringify(pair)}, want KEY=VALUE`);
  return [pair.slice(0, equals), pair.slice(equals + 1)];
}

function isTrue(value: string): boolean {
  return /^(1|true|yes|on)$/i.test(value);
}

function checked(key: string, field: keyof CniArgs, value: string): string {
  const { pattern, want } = patterns[field];
  if (!pattern.test(value)) throw invalid(`${key} is ${JSON.stringify(value)}, want ${want}`);
  return value;
}

function invalid(why: string): CniError {
  return new CniError("InvalidEnvironment", `Cannot parse CNI_ARGS: ${why}`);
}
