/** Who speaks with the route server: peers, ranges of them, links, and agents. */
import { type ConfigField, type ConfigFields, defined } from "@heddle/config";
import { parseIp, parsePrefix } from "@heddle/inet";
import type {
  AgentGroupConfig,
  AgentIdentity,
  LinkSource,
  PeerSource,
  RangeSource,
  SessionSource,
} from "./config.ts";
import {
  parseRelation,
  parseSession,
  relationFields,
  type SessionContext,
  sessionFields,
} from "./parse-session.ts";

const templateCountMax = 1000;
const dynamicCountMax = 10_000;
const agentCountDefault = 1000;

/** What a template may say for those that name it. */
type TemplateField = (typeof relationFields | typeof sessionFields)[number];
const templateFields: readonly TemplateField[] = [...relationFields, ...sessionFields];

const entryFields: readonly (TemplateField | "template")[] = [...templateFields, "template"];

export interface PeerContext extends SessionContext {
  readonly templates: ReadonlyMap<string, ConfigFields<TemplateField>>;
}

/** @throws ConfigError */
export function parseTemplates(field: ConfigField): PeerContext["templates"] {
  const entries = field.entries(templateCountMax);
  return new Map(entries.map(([name, each]) => [name, each.fields(...templateFields)]));
}

/** @throws ConfigError */
export function parsePeer(field: ConfigField, cx: PeerContext): PeerSource {
  const fields = field.fields(
    ...entryFields,
    ...(["address", "port", "interface", "tlsName"] as const),
  );
  const session = parseEntry(field, fields, cx);
  const { interface: link, tlsName } = fields;
  const name = tlsName.maybe((each) => each.text());
  if (name !== undefined && !cx.hasTls) tlsName.fail("given without tls of the route server");
  return {
    ...session,
    ...defined({ interfaceName: link.maybe(parseInterface) }),
    address: fields.address.parse(parseIp),
    template: {
      ...session.template,
      ...defined({
        port: fields.port.maybe((each) => each.integer(1, 65_535)),
        tls: name === undefined ? undefined : { name },
      }),
    },
  };
}

/** @throws ConfigError */
export function parseRange(field: ConfigField, cx: PeerContext): RangeSource {
  const fields = field.fields(
    ...entryFields,
    ...(["name", "prefix", "peerCountMax", "idleSeconds", "tls"] as const),
  );
  const session = parseEntry(field, fields, cx);
  const isTls = fields.tls.maybe((each) => each.flag()) === true;
  if (isTls && !cx.hasTls) fields.tls.fail("true without tls of the route server");
  return {
    ...rangeOf(fields, fields.peerCountMax.integer(1, dynamicCountMax)),
    ...session,
    template: { ...session.template, ...(isTls ? { tls: {} } : {}) },
  };
}

function rangeOf(
  fields: ConfigFields<"name" | "prefix" | "idleSeconds">,
  peerCountMax: number,
): Omit<RangeSource, keyof SessionSource> {
  return {
    name: parseName(fields.name),
    prefix: fields.prefix.parse(parsePrefix),
    peerCountMax,
    ...defined({
      idleTimeMs: fields.idleSeconds.maybe((each) => each.integer(1, 86_400) * 1000),
    }),
  };
}

/** @throws ConfigError */
export function parseLink(field: ConfigField, cx: PeerContext): LinkSource {
  const fields = field.fields(
    ...entryFields,
    ...(["interface", "advertisementIntervalSeconds"] as const),
  );
  const session = parseEntry(field, fields, cx);
  const interval = fields.advertisementIntervalSeconds.maybe((each) => each.integer(3, 1800));
  return {
    ...session,
    name: parseInterface(fields.interface),
    template: {
      // IPv4 has no other next hop there.
      extendedNextHop: true,
      ...session.template,
    },
    ...(interval === undefined ? {} : { advertisementIntervalMs: interval * 1000 }),
  };
}

/** What the entry says, and where it says nothing what its template does. */
function parseEntry(
  field: ConfigField,
  own: ConfigFields<TemplateField | "template">,
  cx: PeerContext,
): SessionSource {
  const template = own.template.maybe((each) => {
    const known = [...cx.templates.keys()].slice(0, 20).join(", ");
    const found = cx.templates.get(each.text());
    return found ?? each.fail(`${JSON.stringify(each.text())}, want one of ${known || "none"}`);
  });
  const pairs = templateFields.map((name): [TemplateField, ConfigField] => {
    const isOwn = own[name].isPresent || template === undefined;
    return [name, isOwn ? own[name] : template[name]];
  });
  const fields = Object.fromEntries(pairs) as Record<TemplateField, ConfigField>;
  return sourceOf(field, fields, parseSession(fields, parseRelation(fields, cx.asn), cx));
}

function sourceOf(
  { where }: ConfigField,
  { passwordFile }: ConfigFields<"passwordFile">,
  template: SessionSource["template"],
): SessionSource {
  return {
    where,
    template,
    ...defined({ passwordFile: passwordFile.maybe((each) => each.text()) }),
  };
}

/** Clients of the reflector, which may announce only what is theirs. @throws ConfigError */
export function parseAgents(field: ConfigField, cx: PeerContext): AgentGroupConfig {
  const fields = field.fields(
    ...sessionFields,
    ...(["name", "prefix", "peerCountMax", "idleSeconds", "identity"] as const),
  );
  const identity = parseIdentity(fields.identity, cx.hasTls);
  const client = { asn: cx.asn, kind: "reflector", reflectorClient: true } as const;
  const count = fields.peerCountMax.maybe((each) => each.integer(1, dynamicCountMax));
  return {
    ...rangeOf(fields, count ?? agentCountDefault),
    ...sourceOf(field, fields, {
      ...parseSession(fields, client, cx),
      ownRoutesOnly: true,
      ...(identity.kind === "certificate" ? { tls: {} } : {}),
    }),
    identity,
  };
}

function parseIdentity(field: ConfigField, hasTls: boolean): AgentIdentity {
  const { by, suffix } = field.fields("by", "suffix");
  if (by.oneOf(["certificate", "address"]) === "address") {
    if (suffix.isPresent) suffix.fail("given, want it for certificates only");
    return { kind: "address" };
  }
  if (!hasTls) by.fail("certificate without tls of the route server");
  const text = suffix.maybe((each) => each.text()) ?? "";
  if (text === "" || text.startsWith(".")) return { kind: "certificate", suffix: text };
  return suffix.fail(`${JSON.stringify(text)}, want a dot first, such as .agents.example`);
}

/** As the kernel takes it: IFNAMSIZ is 16 with the end. */
function parseInterface(field: ConfigField): string {
  const name = field.text();
  return /^[^\s/]{1,15}$/.test(name)
    ? name
    : field.fail(`${JSON.stringify(name)}, want the name of an interface`);
}

/** @throws ConfigError */
export function parseName(field: ConfigField): string {
  const name = field.text();
  return /^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$/.test(name)
    ? name
    : field.fail(`${JSON.stringify(name)}, want at most 64 of a-z 0-9 - .`);
}
