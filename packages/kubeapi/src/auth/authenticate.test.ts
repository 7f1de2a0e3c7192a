import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TokenFileError, TokenTable, userOfCertificate } from "./authenticate.ts";
import { agentNode, rolesOf } from "./user.ts";

const file = `
# token,user,uid,groups
0123456789abcdef,root,1,"system:masters,heddle:viewers"
fedcba9876543210,heddle:agent:node1,2,heddle:agents
aaaaaaaaaaaaaaaa,"Doe, Jane",3
`;

test("TokenTable finds the user of a bearer token", () => {
  const table = TokenTable.parse(file);
  assert.deepEqual(table.userOf("Bearer 0123456789abcdef"), {
    name: "root",
    groups: ["system:masters", "heddle:viewers", "system:authenticated"],
  });
  assert.equal(table.userOf("bearer aaaaaaaaaaaaaaaa")?.name, "Doe, Jane");
  for (const bad of [
    "",
    "Basic x",
    "Bearer",
    "Bearer 0123456789abcdeg",
    "Bearer 0123456789abcde",
  ]) {
    assert.equal(table.userOf(bad), undefined);
  }
});

test("TokenTable.parse() names the line and keeps the token to itself", () => {
  const rows = [
    ["short,u,1", /line 1: want a token of at least 16/],
    ["0123456789abcdef", /line 1: want token,user,uid/],
    ["0123456789abcdef,,1", /line 1: the user is empty/],
    ['0123456789abcdef,"u,1', /line 1: quotes do not match/],
    ["0123456789abcdef,u,1\n0123456789abcdef,v,2", /line 2: the token stands on another line/],
  ] as const;
  for (const [text, message] of rows) {
    assert.throws(
      () => TokenTable.parse(text),
      (error: Error) => {
        assert.ok(error instanceof TokenFileError);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /0123456789abcdef/);
        return true;
      },
    );
  }
});

test("TokenTable.parse() throws nothing but TokenFileError", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        TokenTable.parse(text);
      } catch (error) {
        assert.ok(error instanceof TokenFileError);
      }
    }),
  );
});

test("userOfCertificate() takes CN as the user and O as the groups", () => {
  assert.deepEqual(userOfCertificate({ CN: "heddle:agent:node1", O: "heddle:agents" }), {
    name: "heddle:agent:node1",
    groups: ["heddle:agents", "system:authenticated"],
  });
  assert.equal(userOfCertificate({ O: "system:masters" }), undefined);
  assert.equal(userOfCertificate({ CN: ["a", "b"], O: [] }), undefined);
});

test("roles and the node of an agent follow from groups and name", () => {
  const user = { name: "heddle:agent:node1", groups: ["heddle:agents", "heddle:viewers"] };
  assert.deepEqual(rolesOf(user), ["agent", "viewer"]);
  assert.equal(agentNode(user), "node1");
  assert.equal(agentNode({ name: "node1", groups: [] }), undefined);
});
