/**
 * Versions of the specification that we speak. Each differs in the shape of results and in the
 * verbs it has.
 */
export const cniVersions = ["0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

export type CniVersion = (typeof cniVersions)[number];

/** The version of an error when the request does not say which it wants. */
export const newestCniVersion: CniVersion = "1.1.0";

export const cniVerbs = ["ADD", "DEL", "CHECK", "STATUS", "GC"] as const;

/** VERSION is missing: the executable answers it without asking the agent. */
export type CniVerb = (typeof cniVerbs)[number];

const firstVersion: Readonly<Record<CniVerb, CniVersion>> = {
  ADD: "0.3.1",
  DEL: "0.3.1",
  CHECK: "0.4.0",
  STATUS: "1.1.0",
  GC: "1.1.0",
};

/**
 * The version in which the verb appeared, when `version` does not have it; undefined when it does.
 */
export function missingSince(verb: CniVerb, version: CniVersion): CniVersion | undefined {
  const first = firstVersion[verb];
  return cniVersions.indexOf(version) < cniVersions.indexOf(first) ? first : undefined;
}

export function isCniVersion(text: string): text is CniVersion {
  return cniVersions.some((version) => version === text);
}
