/** ConfigMap (core/v1). */
import { forbidden } from "../field-error.ts";
import type { ConfigMap } from "../gen/core/config-map.gen.ts";
import type { ResourceKind } from "../kind.ts";
import { boolean, mapOf, text } from "../schema/build.ts";
import { sameJson } from "../schema/json.ts";
import { builtInKind } from "./built-in-kind.ts";

export const configMapKind: ResourceKind<ConfigMap> = builtInKind<ConfigMap>({
  group: "",
  version: "v1",
  kind: "ConfigMap",
  plural: "configmaps",
  shortNames: ["cm"],
  namespaced: true,
  description: "A ConfigMap holds configuration for pods.",
  fields: {
    data: mapOf("Texts by key.", text("A text.")),
    binaryData: mapOf("Bytes by key, in base64.", text("Bytes.", { format: "byte" })),
    immutable: boolean("The data never changes again."),
  },
  validateUpdate: (next, previous) =>
    previous.immutable === true && !sameJson(dataOf(next), dataOf(previous))
      ? [forbidden("data", "the object is immutable")]
      : [],
});

function dataOf({ data, binaryData, immutable }: ConfigMap): readonly unknown[] {
  return [data, binaryData, immutable];
}
