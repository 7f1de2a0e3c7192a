import assert from "node:assert/strict";
import { test } from "node:test";
import { formatPolicy, type Policy } from "@heddle/bgp";
import { ConfigError, readDocument } from "@heddle/config";
import { parseAsn } from "@heddle/inet";
import { PolicyBook } from "./parse-policies.ts";
import { RouteSelections } from "./route-selection.ts";
import { SetBook } from "./sets.ts";

const files: Readonly<Record<string, string>> = {
  good: "# made by a program\n10.0.0.0/8 le 24\n\n2001:db8::/32 # ours\n",
  bad: "10.0.0.0/8\n10.0.0.0/8 ge 7\n",
};

function readFile(file: string): string {
  const text = files[file];
  if (text === undefined) throw new ConfigError(`Cannot read ${file}: none`);
  return text;
}

function selections(text: string): {
  readonly of: (field: "import" | "export", peer?: number) => Policy;
  readonly policies: readonly Policy[];
} {
  const root = readDocument(text, "the file");
  const fields = root.fields("sets", "policies", "import", "export");
  const book = new PolicyBook(fields.policies, new SetBook(fields.sets, readFile));
  const made = new RouteSelections(book);
  const of = (field: "import" | "export", peer?: number): Policy =>
    made.parse(fields[field], peer === undefined ? undefined : parseAsn(peer));
  return { of, policies: book.policies };
}

const sets = `
sets:
  prefixes:
    own: [198.51.100.0/22 le 32]
    mine: [own, { prefix: "2001:db8::/32", ge: 48, le: 64 }]
  communities:
    marked: ["64512:70"]
    about: [marked, "64512:*", blackhole]
  extendedCommunities: { red: ["rt:64512:7"] }
  largeCommunities: { big: ["64512:1:*", "64512:2:3"] }
  asns: { customers: [64510, "64511", "1.10"] }
`;

test("all conditions and actions, with lists by name", () => {
  const { policies } = selections(`${sets}
policies:
  every:
    terms:
      - name: keys
        match:
          prefixes: [mine, 10.0.0.0/8]
          family: 4
          families: [ipv4, evpn]
          evpnRouteTypes: [5, 2]
        verdict: accept
      - match:
          communities: { anyOf: about, allOf: marked, noneOf: ["1:1"], exactly: [] }
          extendedCommunities: [red, "0x0002000000000000/0xffff000000000000"]
          largeCommunities: big
          routeTargets: ["64512:7"]
          tag: absent
        verdict: reject
      - match:
          asPath: 64510+ [65100-65199]*
          asPathContains: 174
          neighborAsns: customers
          originAsns: [65001]
          asPathLengthMin: 1
          asPathLengthMax: 9
          nextHops: [192.0.2.1]
          nextHopPrefixes: ["2001:db8::/32"]
          origins: [igp, incomplete]
          med: { max: 9 }
          localPref: 100
        verdict: continue
        actions:
          localPref: 80
          med: { add: 5 }
          origin: egp
          setCommunities: []
          removeCommunities: about
          addCommunities: [marked, no-export]
          setExtendedCommunities: red
          removeExtendedCommunities: ["0x0002000000000000/0xffff000000000000"]
          addExtendedCommunities: ["color:0:9"]
          setLargeCommunities: ["1:2:3"]
          removeLargeCommunities: big
          addLargeCommunities: ["64512:2:3"]
          tag: 7
          prepend: { asn: 64512, count: 2 }
          nextHop: self
    otherwise: accept
`);
  assert.equal(
    policies.map(formatPolicy).join("\n"),
    `policy every
  term 0 keys: IP version IPv4, family ipv4-unicast or evpn, EVPN route type 5 or 2, \
prefix 198.51.100.0/22 le 32 or 2001:db8::/32 ge 48 le 64 or 10.0.0.0/8: accept
  term 1: communities any of 64512:70 64512:* 65535:666 and all of 64512:70 and none of 1:1 and \
exactly nothing, \
extended communities any of rt:64512:7 0x0002000000000000/0xffff000000000000, \
large communities any of 64512:1:* 64512:2:3, route target 64512:7, security tag absent: reject
  term 2: origin IGP or INCOMPLETE, MED at most 9, local preference 100, next hop 192.0.2.1, \
next hop in 2001:db8::/32, AS path length at least 1, AS path length at most 9, \
neighbour AS 64510 or 64511 or 65546, origin AS 65001, AS path contains 174, \
AS path 64510+ [65100-65199]*: \
set local preference 80, add 5 to MED, set origin EGP, set communities none, \
remove communities 64512:70 64512:* 65535:666, add communities 64512:70 65535:65281, \
set extended communities rt:64512:7, \
remove extended communities 0x0002000000000000/0xffff000000000000, \
add extended communities color:0:9, set large communities 1:2:3, \
remove large communities 64512:1:* 64512:2:3, add large communities 64512:2:3, \
set security tag 7, prepend 64512 2 times, set next hop self, continue
  otherwise accept`,
  );
});

const two = `${sets}
policies:
  clean: { terms: [{ match: { asPathContains: 174 }, verdict: reject }] }
  rest: { terms: [], otherwise: accept }
  member: { terms: [{ match: { communities: "0:peer" }, verdict: reject }], otherwise: accept }
`;

test("import and export take words, names, and lists of both", () => {
  const text = (value: string): string =>
    formatPolicy(selections(`${two}\nimport: ${value}`).of("import", 64501));
  assert.equal(text("all"), "policy accept-all\n  otherwise accept");
  assert.equal(text("none"), "policy reject-all\n  otherwise reject");
  assert.match(text("clean"), /^policy clean\n {2}term 0: .*: reject\n {2}otherwise reject$/);
  assert.match(text("[clean, rest]"), /^policy clean, rest\n.*: reject\n {2}otherwise accept$/);
  assert.match(
    text("[clean, own, 10.0.0.0/8 ge 24]"),
    /term 1 listed: prefix 198\.51\.100\.0\/22 le 32 or 10\.0\.0\.0\/8 ge 24: accept\n.*reject$/,
  );
  assert.match(text("[]"), /listed: prefix none: accept\n {2}otherwise reject$/);
});

test("peers of one AS share a policy about the peer, others do not", () => {
  const { of } = selections(`${two}\nimport: member\nexport: clean`);
  assert.match(formatPolicy(of("import", 64501)), /communities any of 0:64501/);
  assert.match(formatPolicy(of("import", 64502)), /communities any of 0:64502/);
  assert.equal(of("import", 64501), of("import", 64501));
  assert.equal(of("export", 64501), of("export", 64502));
});

const refusals: readonly (readonly [string, string])[] = [
  [
    "import: nobody",
    'import (line 17): "nobody", want one of all, none, default-only, clean, rest',
  ],
  ["import: [rest, clean]", "import[0] (line 17): has otherwise: accept, want it last, or without"],
  ["import: [own, clean]", "import[1] (line 17): a policy after a prefix, want policies first"],
  ["import: [nobody]", "import[0] (line 17): no list nobody, want an item or the name of a list"],
  [
    "import: [10.0.0.0/8 ge 7]",
    'import[0] (line 17): Cannot parse prefix rule "10.0.0.0/8 ge 7": ge 7, want from 8 to 32',
  ],
  ["import: [10.0.0.1/8]", 'import[0] (line 17): Cannot parse prefix "10.0.0.1/8"'],
];

for (const [text, message] of refusals) {
  test(`refused: ${text}`, () => {
    assert.throws(
      () => selections(`${two}${text}`).of("import", 64501),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.equal(error.message.slice(0, 12 + message.length), `Cannot read ${message}`);
        return true;
      },
    );
  });
}

const policyRefusals: readonly (readonly [string, RegExp])[] = [
  [
    "{ verdict: maybe }",
    /a\.terms\[0\]\.verdict .*: "maybe", want one of accept, reject, continue/,
  ],
  ["{ verdict: accept, mtch: {} }", /a\.terms\[0\]\.mtch .*: unknown field, want match$/],
  ["{ verdict: reject, actions: { med: 1 } }", /actions .*: of a term that rejects, want none/],
  ["{ match: { family: 5 }, verdict: accept }", /match\.family .*: 5, want 4 or 6/],
  [
    "{ match: { communities: ['1:70000'] }, verdict: accept }",
    /communities\[0\] .*: 70000 in 1:70000, want 0 to 65535/,
  ],
  ["{ match: { communities: here }, verdict: accept }", /communities .*: no list here, want/],
  [
    "{ verdict: accept, actions: { addCommunities: ['1:*'] } }",
    /addCommunities .*: a pattern or an AS over 65535, want whole communities only/,
  ],
  [
    "{ verdict: accept, actions: { nextHop: 224.0.0.1 } }",
    /terms\[0\]\.actions\.nextHop .*: actions\.nextHop is 224\.0\.0\.1, want a host address/,
  ],
  [
    "{ match: { asPath: '. {200}' }, verdict: accept }",
    /terms\[0\]\.match\.asPath \(line \d+\): .*want/,
  ],
  ["{ match: { asPath: '^1$' }, verdict: accept }", /asPath .*: Cannot parse AS path pattern/],
  [
    "{ match: { med: { min: 9, max: 5 } }, verdict: accept }",
    /med\.max .*: 5, want a whole number/,
  ],
];

for (const [term, message] of policyRefusals) {
  test(`refused: ${term}`, () => {
    assert.throws(
      () => selections(`policies:\n  a:\n    terms:\n      - ${term}\n`),
      (error) => {
        assert.ok(error instanceof ConfigError, String(error));
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

test("a policy about the peer needs an AS that is known", () => {
  const { of } = selections(`${two}\nimport: member`);
  assert.throws(() => of("import"), /import .*: member is about the AS of the peer, want asn/);
});

test("an AS that does not fit into a community is in none, and in large ones", () => {
  const termOf = (term: string): string => {
    const policies = `policies: { a: { terms: [${term}] } }`;
    const { of } = selections(`${policies}\nimport: a`);
    return formatPolicy(of("import", 4_200_000_001)).split("\n")[1]?.trim() ?? "";
  };
  const match = (what: string): string => termOf(`{ match: { ${what} }, verdict: reject }`);
  assert.equal(match('communities: "0:peer"'), "term 0: communities any of nothing: reject");
  assert.equal(
    match('communities: { noneOf: ["0:peer", "1:1"] }'),
    "term 0: communities none of 1:1: reject",
  );
  assert.equal(
    match('communities: { allOf: ["0:peer", "1:1"] }'),
    "term 0: communities any of nothing: reject",
  );
  assert.equal(
    match('largeCommunities: "64500:0:peer"'),
    "term 0: large communities any of 64500:0:4200000001: reject",
  );
  const add = "{ verdict: accept, actions: { addCommunities: '0:peer' } }";
  assert.throws(() => termOf(add), /addCommunities .*: a pattern or an AS over 65535, want whole/);
});

test("names that nothing could use are refused", () => {
  assert.throws(() => selections("policies: { all: { terms: [] } }"), /policies\.all .*: bad name/);
  assert.throws(
    () => selections("sets: { prefixes: { '10.0.0.0/8': [] } }"),
    /sets\.prefixes\.10\.0\.0\.0\/8 .*: bad name/,
  );
  assert.throws(
    () => selections("sets: { prefixes: { a: [b], b: [10.0.0.0/8] } }"),
    /sets\.prefixes\.a\[0\] .*: no list b, want an item or the name of a list above/,
  );
});

test("a list of prefixes may be in a file of its own", () => {
  const of = (file: string) => {
    const lists = `sets: { prefixes: { a: { file: ${file} }, b: [a, 192.0.2.0/24] } }`;
    return formatPolicy(selections(`${lists}\nimport: [b]`).of("import", 64501));
  };
  assert.match(
    of("good"),
    /prefix 10\.0\.0\.0\/8 le 24 or 2001:db8::\/32 or 192\.0\.2\.0\/24: accept/,
  );
  assert.throws(() => of("bad"), /Cannot read bad line 2: Cannot parse prefix rule .* ge 7, want/);
  assert.throws(() => of("missing"), /Cannot read missing: none/);
  assert.throws(() => of("good, asn: 1"), /sets\.prefixes\.a\.asn .*: unknown field, want one of/);
});
