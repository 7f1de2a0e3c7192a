import assert from "node:assert/strict";
import { test } from "node:test";
import { defaulted, podKind } from "@heddle/api";
import { ParseError } from "@heddle/inet";
import fc from "fast-check";
import { matchesFields, parseFieldSelector } from "./field-selector.ts";

const pod = defaulted(podKind, {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "default" },
  spec: { nodeName: "n,1", containers: [] },
});

for (const [selector, want] of [
  ["", true],
  ["metadata.name=web", true],
  ["metadata.name==web,metadata.namespace=default", true],
  ["metadata.name!=web", false],
  ["spec.nodeName=n\\,1", true],
  ["status.podIP=", true],
  ["status.podIP!=x", true],
] as const) {
  test(`field selector ${JSON.stringify(selector)} is ${want}`, () => {
    assert.equal(matchesFields(parseFieldSelector(selector, podKind.schema), pod), want);
  });
}

for (const [selector, why] of [
  ["metadata.name", "at 1: expected path=value or path!=value"],
  ["spec.nope=1", "at 1: field label not supported: spec.nope"],
  ["metadata.name=a,spec=1", "at 17: field label not supported: spec"],
  ["metadata.labels=a", "at 1: field label not supported: metadata.labels"],
  ["metadata.name=a\\b", "at 1: unknown escape \\b"],
  ["spec.constructor=1", "at 1: field label not supported: spec.constructor"],
] as const) {
  test(`field selector ${JSON.stringify(selector)} is wrong`, () => {
    assert.throws(
      () => parseFieldSelector(selector, podKind.schema),
      (error) => error instanceof ParseError && error.message.endsWith(why),
    );
  });
}

test("parseFieldSelector() fails only with ParseError", () => {
  const unit = fc.constantFrom(..."=!,\\.ab", "metadata.name", "spec.nodeName");
  fc.assert(
    fc.property(fc.string({ unit }), (text) => {
      try {
        matchesFields(parseFieldSelector(text, podKind.schema), pod);
      } catch (error) {
        assert.ok(error instanceof ParseError);
      }
    }),
  );
});
