/** What documents show is true: TypeScript is in files that run, and objects are valid. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { type BGPPeer, bgpPeerKind, unknownFieldsOf, validate } from "@heddle/api";
import { parse as parseYaml } from "yaml";

const root = path.resolve(import.meta.dirname, "../..");
const documents = [
  "docs/bgp.md",
  "packages/bgp/README.md",
  "packages/speaker/README.md",
  "packages/vpn/README.md",
];

function read(document: string): string {
  return readFileSync(path.join(root, document), "utf8");
}

/** Without indentation and empty lines, so that a part of a function can be shown. */
function flat(text: string): string {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join("\n");
}

const examples = globSync("*.ts", { cwd: import.meta.dirname })
  .map((file) => flat(readFileSync(path.join(import.meta.dirname, file), "utf8")))
  .join("\n");

for (const document of documents) {
  test(`${document} shows what the examples hold`, () => {
    const text = read(document);
    const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => flat(code ?? ""));
    assert.notEqual(blocks.length, 0);
    for (const block of blocks) assert.ok(examples.includes(block), block);
  });

  test(`${document} names files that exist`, () => {
    const text = read(document);
    const named = [...text.matchAll(/`((?:packages|apps|examples|docs|bench|test)\/[\w./-]+)`/g)];
    const missing = named
      .map(([, file]) => file ?? "")
      .filter((file) => globSync(file, { cwd: root }).length === 0);
    assert.deepEqual(missing, []);
  });
}

test("docs/bgp.md shows a valid BGPPeer", () => {
  const [, text] = /^```yaml\n(.*?)^```$/ms.exec(read("docs/bgp.md")) ?? [];
  const peer: BGPPeer = parseYaml(text ?? "");
  assert.equal(peer.kind, "BGPPeer");
  assert.deepEqual([...validate(bgpPeerKind, peer), ...unknownFieldsOf(bgpPeerKind, peer)], []);
});
