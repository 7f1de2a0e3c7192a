/** Secret (core/v1). */
import { forbidden, invalid } from "../field-error.ts";
import type { Secret } from "../gen/core/secret.gen.ts";
import type { FieldError, ResourceKind } from "../kind.ts";
import { boolean, mapOf, text } from "../schema/build.ts";
import { sameJson } from "../schema/json.ts";
import { builtInKind } from "./built-in-kind.ts";

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export const secretKind: ResourceKind<Secret> = builtInKind<Secret>({
  group: "",
  version: "v1",
  kind: "Secret",
  plural: "secrets",
  shortNames: [],
  namespaced: true,
  description: "A Secret holds what must not be seen by everybody, such as passwords.",
  fields: {
    data: mapOf("Bytes by key, in base64.", text("Bytes.", { format: "byte" })),
    stringData: mapOf("Texts by key, written into data; never read back.", text("A text.")),
    type: text("What the secret is for.", { default: "Opaque" }),
    immutable: boolean("The data never changes again."),
  },
  validate: ({ data }) => (data === undefined ? [] : Object.entries(data).flatMap(base64Errors)),
  validateUpdate: (next, previous) => [
    ...(next.type === previous.type ? [] : [invalid("type", next.type, "field is immutable")]),
    ...(previous.immutable === true &&
    !sameJson([next.data, next.immutable], [previous.data, previous.immutable])
      ? [forbidden("data", "the object is immutable")]
      : []),
  ],
});

/** The error does not repeat the value: it may be a password in the wrong field. */
function base64Errors([key, value]: [string, string]): FieldError[] {
  return base64.test(value) ? [] : [invalid(`data[${key}]`, undefined, "not base64")];
}
