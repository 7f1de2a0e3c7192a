import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRefusal } from "./refusal.ts";
import { StatusError } from "./status-error.ts";

test("parseRefusal() reads a Status", () => {
  const causes = [{ reason: "FieldValueInvalid", message: "m", field: "spec.mtu" }];
  const document = { kind: "Status", reason: "Invalid", message: "not so", details: { causes } };
  const error = parseRefusal(422, JSON.stringify(document));
  assert.deepEqual([error.reason, error.message, error.causes], ["Invalid", "not so", causes]);
});

test("parseRefusal() decides by the HTTP code what the text does not say", () => {
  const shown = (status: number, text: string): string[] => {
    const { reason, message } = parseRefusal(status, text);
    return [reason, message];
  };
  assert.deepEqual(shown(410, '{"reason":"Gone"}'), ["Expired", "HTTP 410"]);
  assert.deepEqual(shown(404, "no page"), ["NotFound", "HTTP 404: no page"]);
  assert.deepEqual(shown(502, "<html>"), ["InternalError", "HTTP 502: <html>"]);
  assert.deepEqual(shown(503, "null"), ["ServiceUnavailable", "HTTP 503: null"]);
  assert.deepEqual(shown(403, '{"reason":"constructor"}'), ["Forbidden", "HTTP 403"]);
  const causes = '{"message":"m","details":{"causes":[null,{"field":1}]}}';
  assert.deepEqual(parseRefusal(422, causes).causes, [{ reason: "", message: "", field: "" }]);
});

test("parseRefusal() has an error for every text", () => {
  const key = fc.constantFrom("message", "reason", "details", "causes", "field");
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.jsonValue(),
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.dictionary(key, tie("tree"), { maxKeys: 4 }),
    ),
  }));
  const text = fc.oneof(
    fc.string(),
    tree.map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 599 }), text, (status, body) => {
      const error = parseRefusal(status, body);
      assert.ok(error instanceof StatusError);
      assert.ok(Number.isInteger(error.status));
      assert.ok(error.message !== "");
    }),
  );
});
