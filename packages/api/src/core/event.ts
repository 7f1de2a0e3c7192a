/** Event (core/v1): what happened to an object. */
import type { Event } from "../gen/core/event.gen.ts";
import type { JsonSchema, ResourceKind } from "../kind.ts";
import { integer, object, text, time } from "../schema/build.ts";
import { builtInKind } from "./built-in-kind.ts";

const reference = (description: string): JsonSchema =>
  object(description, {
    kind: text("Kind of the object."),
    namespace: text("Namespace of the object."),
    name: text("Name of the object."),
    uid: text("Uid of the object."),
    apiVersion: text("API version of the object."),
    resourceVersion: text("Revision of the object."),
    fieldPath: text("Part of the object."),
  });

const source = (description: string): JsonSchema =>
  object(description, {
    component: text("The component."),
    host: text("The node it runs on."),
  });

const series = object("The repetitions of the event.", {
  count: integer("How often it happened.", [0, 0x7fffffff]),
  lastObservedTime: time("When it last happened."),
});

/** Named parts of the schema, for the generated types. */
export const eventTypes: Readonly<Record<string, JsonSchema>> = {
  ObjectReference: reference(""),
  EventSource: source(""),
  EventSeries: series,
};

const int32 = (description: string): JsonSchema => integer(description, [0, 0x7fffffff]);

export const eventKind: ResourceKind<Event> = builtInKind<Event>({
  group: "",
  version: "v1",
  kind: "Event",
  plural: "events",
  shortNames: ["ev"],
  namespaced: true,
  description: "An Event says what happened to an object.",
  fields: {
    involvedObject: reference("The object that it happened to."),
    reason: text("What happened, as one CamelCase word."),
    message: text("What happened, for people."),
    source: source("Who saw it."),
    firstTimestamp: time("When it first happened."),
    lastTimestamp: time("When it last happened."),
    count: int32("How often it happened."),
    type: text("Normal or Warning."),
    eventTime: time("When it was first seen."),
    series,
    action: text("What was done."),
    related: reference("Another object that takes part."),
    reportingComponent: text("Name of the reporting controller."),
    reportingInstance: text("Id of the reporting controller."),
  },
  required: ["involvedObject"],
});
