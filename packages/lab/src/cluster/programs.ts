/**
 * The programs that make the lab a cluster: bundles beside this file when it is bundled itself,
 * sources otherwise.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { LabError } from "../errors.ts";

/** Each is an argument list to which options are added, but for `cniDirectory`. */
export interface ClusterPrograms {
  readonly apiServer: readonly string[];
  readonly controller: readonly string[];
  readonly agent: readonly string[];
  readonly routeServer: readonly string[];
  readonly standIns: readonly string[];
  readonly probe: readonly string[];
  /** Directory with the CNI executable `heddle-cni`. */
  readonly cniDirectory: string;
}

export type ProgramName = keyof ClusterPrograms;

const repository = path.resolve(import.meta.dirname, "../../../..");

/** @throws LabError `preflight` when one of `names` has not been built */
export function findPrograms<Name extends ProgramName>(
  names: readonly Name[],
): Pick<ClusterPrograms, Name> {
  const dist = import.meta.url.endsWith(".ts")
    ? path.join(repository, "dist")
    : import.meta.dirname;
  const bundle = (name: string) => (): string[] => [
    process.execPath,
    must(path.join(dist, `${name}.mjs`)),
  ];
  const finders: { readonly [Each in ProgramName]: () => ClusterPrograms[Each] } = {
    apiServer: bundle("heddle-apiserver"),
    controller: bundle("heddle-controller"),
    agent: bundle("heddle-agent"),
    routeServer: bundle("heddle-route-server"),
    standIns: bundle("stand-ins-main"),
    probe: bundle("probe-main"),
    cniDirectory: () => path.dirname(must(path.join(dist, "heddle-cni"))),
  };
  const found = names.map((name) => [name, finders[name]()]);
  return Object.fromEntries(found) as Pick<ClusterPrograms, Name>;
}

function must(file: string): string {
  if (existsSync(file)) return file;
  throw new LabError("preflight", `Cannot find ${file}: run make build`);
}
