import assert from "node:assert/strict";
import { test } from "node:test";
import { ParseError } from "@heddle/inet";
import { formatAsPathPattern, parseAsPathPattern } from "./as-path-pattern-text.ts";

const texts = [
  "64510+ [65100-65199]*",
  ". .* 65001",
  "65001 | 65002 65003 | ()",
  "(65001 | 65002){2,3} [^1 5-7]?",
  "(65001 65002){2}",
  "65001{3,}",
  "()",
];

for (const text of texts) {
  test(`parseAsPathPattern() reads ${text}`, () => {
    assert.equal(formatAsPathPattern(parseAsPathPattern(text)), text);
  });
}

test("parseAsPathPattern() makes of the parts what they are", () => {
  assert.deepEqual(parseAsPathPattern(" 65001 [ 1-2 3]{2} "), {
    kind: "sequence",
    items: [
      { kind: "in", asns: [65001] },
      { kind: "repeat", item: { kind: "in", asns: [{ from: 1, to: 2 }, 3] }, min: 2, max: 2 },
    ],
  });
});

const refused = [
  ["", "it ends"],
  ["^65001$", "^65001$ is there"],
  ["_65001_", "_65001_ is there"],
  ["(65001", "it ends"],
  ["65001)", ") is there"],
  ["65001 |", "it ends"],
  ["[]", "] is there"],
  ["[65001", "it ends"],
  ["*", "* is there"],
  ["0", "0 is there"],
  ["4294967296", "4294967296 is there"],
  ["65001 - 65002", "- is there"],
  ["(".repeat(40), "more groups in each other is there, want 16"],
] as const;

for (const [text, why] of refused) {
  test(`parseAsPathPattern() refuses ${JSON.stringify(text.slice(0, 20))}`, () => {
    assert.throws(
      () => parseAsPathPattern(text),
      (error) => error instanceof ParseError && error.message.includes(why),
    );
  });
}

test("parseAsPathPattern() refuses what is too long", () => {
  assert.throws(() => parseAsPathPattern("1 ".repeat(3000)), /want at most 4096 characters/);
});
