/** Timers of Bidirectional Forwarding Detection (RFC 5880) as a part of other kinds. */
import type { JsonSchema } from "../kind.ts";
import { boolean, integer, object } from "../schema/build.ts";

const intervalMs = (description: string) => integer(description, [10, 60000], { default: 300 });

const description =
  "Bidirectional Forwarding Detection (RFC 5880): notices a dead path in milliseconds.";

const properties = {
  enabled: boolean("Run a BFD session beside the BGP session.", { default: true }),
  minTransmitMs: intervalMs("Shortest interval at which we send."),
  minReceiveMs: intervalMs("Shortest interval at which we can receive."),
  detectMultiplier: integer("Packets missed in a row that mean down.", [1, 255], { default: 3 }),
};

/** Absent means the defaults. */
export const bfd: JsonSchema = object(description, properties, [], { default: {} });

/** Absent means: as the BGPConfiguration of the node says. */
export const bfdOverride: JsonSchema = object(
  `${description} As the BGPConfiguration says when absent.`,
  properties,
);

/** The name of the generated type of both. */
export const bfdTypeName = "BfdTimers";
