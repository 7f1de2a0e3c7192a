import assert from "node:assert/strict";
import { test } from "node:test";
import { ParseError } from "@heddle/inet";
import fc from "fast-check";
import { matchesLabelTerms, parseLabelSelector } from "./label-selector.ts";

const labels = { app: "web", tier: "front", weight: "5", "example.com/zone": "a", empty: "" };

for (const [selector, want] of [
  ["", true],
  [" ", true],
  ["app=web", true],
  ["app == web", true],
  ["app!=web", false],
  ["missing!=web", true],
  ["app in (db, web)", true],
  ["app notin (db,cache)", true],
  ["missing notin (db)", true],
  ["app,!missing", true],
  ["!app", false],
  ["example.com/zone=a,app=web", true],
  ["weight>4,weight<6", true],
  ["weight>5", false],
  ["app>5", false],
  ["empty=", true],
  ["empty in (,x)", true],
] as const) {
  test(`label selector ${JSON.stringify(selector)} is ${want}`, () => {
    assert.equal(matchesLabelTerms(parseLabelSelector(selector), labels), want);
  });
}

for (const [selector, at] of [
  ["=web", 1],
  ["app=web,", 9],
  ["app in web", 8],
  ["app in (web", 12],
  ["app near (web)", 5],
  ["a b", 3],
  ["-app=web", 1],
  ["app=we b", 8],
  ["app=!", 5],
  ["weight>many", 8],
] as const) {
  test(`label selector ${JSON.stringify(selector)} is wrong at ${at}`, () => {
    assert.throws(
      () => parseLabelSelector(selector),
      (error) => error instanceof ParseError && error.message.includes(`: at ${at}: `),
    );
  });
}

test("parseLabelSelector() fails only with ParseError", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."ab=!,() <>/-.in1") }), (text) => {
      try {
        matchesLabelTerms(parseLabelSelector(text), labels);
      } catch (error) {
        assert.ok(error instanceof ParseError);
      }
    }),
  );
});
