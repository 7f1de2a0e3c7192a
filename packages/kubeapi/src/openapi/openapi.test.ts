import assert from "node:assert/strict";
import { test } from "node:test";
import { servedKinds } from "../core-kinds/served-kinds.ts";
import { groupVersions } from "../discovery/resources.ts";
import { definitionName } from "./definitions.ts";
import { documentMessage } from "./gnostic.ts";
import { documentV2ToJson, openApiV2 } from "./v2.ts";
import { acceptsOpenApiV2Protobuf, encodeOpenApiV2 } from "./v2-protobuf.ts";
import { openApiV3, openApiV3Index } from "./v3.ts";

interface SchemaMessage {
  readonly ref?: string;
  readonly description?: string;
  readonly type?: { readonly value: readonly string[] };
  readonly properties?: { readonly additionalProperties: readonly NamedMessage[] };
  readonly items?: { readonly schema: readonly SchemaMessage[] };
  readonly vendorExtension?: readonly { name: string; value: { yaml: string } }[];
}
interface NamedMessage {
  readonly name: string;
  readonly value: SchemaMessage;
}

const json = JSON.parse(JSON.stringify(documentV2ToJson(openApiV2("v1.0.0"))));

/** Every $ref of a document. */
function refsOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    name === "$ref" ? [String(inner)] : refsOf(inner),
  );
}

test("every reference of the v2 document leads to a definition", () => {
  for (const ref of refsOf(json)) {
    assert.ok(ref.replace("#/definitions/", "") in json.definitions, ref);
  }
});

test("the v2 document has every kind with its group, version and kind", () => {
  for (const { kind } of servedKinds) {
    const definition = json.definitions[definitionName(kind)];
    const { group, version } = kind;
    assert.deepEqual(definition["x-kubernetes-group-version-kind"], [
      { group, kind: kind.kind, version },
    ]);
    assert.equal(definition.description, kind.schema.description);
  }
});

test("the v2 document tells kubectl how arrays merge and who knows dryRun", () => {
  const pod = json.definitions["io.k8s.api.core.v1.Pod"].properties.spec.properties;
  assert.equal(pod.containers["x-kubernetes-patch-merge-key"], "name");
  assert.equal(pod.containers["x-kubernetes-patch-strategy"], "merge");
  assert.deepEqual(pod.securityContext, {
    description: "Privileges of all containers.",
    type: "object",
    "x-kubernetes-preserve-unknown-fields": true,
  });
  const patch = json.paths["/apis/heddle.io/v1alpha1/subnets/{name}"].patch;
  const names = patch.parameters.map((parameter: { name: string }) => parameter.name);
  assert.deepEqual(names, ["body", "dryRun", "fieldManager", "fieldValidation"]);
  const port = json.definitions["io.k8s.api.core.v1.Service"].properties.spec.properties.ports;
  assert.equal(port.items.properties.targetPort.format, "int-or-string");
});

test("the protocol buffers of the v2 document decode to the same definitions", () => {
  const bytes = encodeOpenApiV2(openApiV2("v1.0.0"));
  const message = documentMessage.toObject(documentMessage.decode(bytes));
  assert.equal(message["swagger"], "2.0");
  assert.deepEqual(message["info"], { title: "Heddle", version: "v1.0.0" });
  const definitions: readonly NamedMessage[] = message["definitions"].additionalProperties;
  assert.deepEqual(
    definitions.map(({ name }) => name),
    Object.keys(json.definitions),
  );
  for (const { name, value } of definitions) compareSchema(value, json.definitions[name], name);
});

interface SchemaJson {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaJson>>;
  readonly items?: SchemaJson;
}

function compareSchema(message: SchemaMessage, schema: SchemaJson, at: string): void {
  assert.equal(message.ref, schema.$ref, at);
  assert.equal(message.description, schema.description, at);
  assert.equal(message.type?.value[0], schema.type, at);
  const extensions = Object.entries(schema).filter(([name]) => name.startsWith("x-"));
  assert.deepEqual(
    (message.vendorExtension ?? []).map(({ name, value }) => [name, JSON.parse(value.yaml)]),
    extensions,
    at,
  );
  const fields = message.properties?.additionalProperties ?? [];
  assert.deepEqual(
    fields.map(({ name }) => name),
    Object.keys(schema.properties ?? {}),
    at,
  );
  for (const { name, value } of fields) {
    const field = schema.properties?.[name];
    assert.ok(field !== undefined);
    compareSchema(value, field, `${at}.${name}`);
  }
  const item = message.items?.schema[0];
  if (item !== undefined && schema.items !== undefined)
    compareSchema(item, schema.items, `${at}[]`);
}

test("the bytes of a small field are those of gnostic's field numbers", () => {
  const bytes = documentMessage
    .encode(documentMessage.fromObject({ swagger: "2.0", info: { title: "T", version: "V" } }))
    .finish();
  assert.equal(Buffer.from(bytes).toString("hex"), "0a03322e3012060a0154120156");
});

test("acceptsOpenApiV2Protobuf() knows the old name and the legal one", () => {
  const accepts = (name: string): boolean =>
    acceptsOpenApiV2Protobuf(`application/${name}, application/json`);
  assert.equal(accepts("com.github.proto-openapi.spec.v2@v1.0+protobuf"), true);
  assert.equal(accepts("com.github.proto-openapi.spec.v2.v1.0+protobuf"), true);
  assert.equal(accepts("vnd.kubernetes.protobuf"), false);
});

test("every reference of every v3 document leads to a schema of the same document", () => {
  for (const version of groupVersions()) {
    const document = JSON.parse(JSON.stringify(openApiV3(version, "v1")));
    for (const ref of refsOf(document)) {
      assert.ok(ref.replace("#/components/schemas/", "") in document.components.schemas, ref);
    }
  }
  assert.equal(openApiV3({ group: "batch", version: "v1" }, "v1"), undefined);
});

test("the v3 index has one hashed URL per version", () => {
  const { paths } = JSON.parse(JSON.stringify(openApiV3Index("v1")));
  assert.equal(Object.keys(paths).length, groupVersions().length);
  assert.match(paths["api/v1"].serverRelativeURL, /^\/openapi\/v3\/api\/v1\?hash=[0-9A-F]{32}$/);
  assert.match(paths["apis/heddle.io/v1alpha1"].serverRelativeURL, /v1alpha1\?hash=/);
});

test("strategic merge patch is announced for built-in kinds only", () => {
  const contentOf = (group: string, version: string, path: string): string[] => {
    const document = JSON.parse(JSON.stringify(openApiV3({ group, version }, "v1")));
    return Object.keys(document.paths[path].patch.requestBody.content);
  };
  const strategic = "application/strategic-merge-patch+json";
  const pods = contentOf("", "v1", "/api/v1/namespaces/{namespace}/pods/{name}");
  assert.equal(pods.includes(strategic), true);
  const subnets = contentOf("heddle.io", "v1alpha1", "/apis/heddle.io/v1alpha1/subnets/{name}");
  assert.equal(subnets.includes(strategic), false);
});
