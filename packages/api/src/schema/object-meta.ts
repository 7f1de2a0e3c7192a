/** metav1.ObjectMeta as a schema: validated for every kind, and shown by `kubectl explain`. */
import type { JsonSchema } from "../kind.ts";
import { boolean, integer, list, listByKey, mapOf, object, text } from "./build.ts";

const time = (description: string): JsonSchema => text(description, { format: "date-time" });

const ownerReference = object(
  "An object that this one depends on.",
  {
    apiVersion: text("API version of the owner."),
    kind: text("Kind of the owner."),
    name: text("Name of the owner."),
    uid: text("Uid of the owner."),
    controller: boolean("Whether the owner is the managing controller."),
    blockOwnerDeletion: boolean(
      "Whether the owner waits for this object in a foreground deletion.",
    ),
  },
  ["apiVersion", "kind", "name", "uid"],
  { "x-kubernetes-map-type": "atomic" },
);

const managedFieldsEntry = object("The fields that one manager owns.", {
  manager: text("Name of the manager."),
  operation: text("Apply or Update."),
  apiVersion: text("Version of the fields."),
  time: time("When the manager last wrote."),
  fieldsType: text("Format of fieldsV1."),
  fieldsV1: {
    type: "object",
    description: "The fields.",
    "x-kubernetes-preserve-unknown-fields": true,
  },
  subresource: text("The subresource through which the fields were written."),
});

export const objectMetaSchema: JsonSchema = object("Standard object metadata.", {
  name: text("Name of the object, unique in its namespace for its kind. It never changes."),
  generateName: text("Prefix from which the server makes a unique name when name is absent."),
  namespace: text("The space in which the name is unique. It never changes."),
  uid: text("Unique in time and space; set by the server."),
  resourceVersion: text("Opaque revision of the last write; set by the server."),
  generation: integer("Counts changes of the desired state; set by the server.", [
    0,
    Number.MAX_SAFE_INTEGER,
  ]),
  creationTimestamp: time("When the object was created; set by the server."),
  deletionTimestamp: time(
    "When the object goes or should have gone; set by the server on a deletion that waits for finalizers.",
  ),
  deletionGracePeriodSeconds: integer("Time that the object has to end gracefully.", [
    0,
    Number.MAX_SAFE_INTEGER,
  ]),
  labels: mapOf("Keys and values by which selectors find the object.", text("A value.")),
  annotations: mapOf("Keys and values for tools and people; not selectable.", text("A value.")),
  finalizers: list("Who has to act before the object may go.", text("Name of a finalizer."), 64, {
    "x-kubernetes-list-type": "set",
    "x-kubernetes-patch-strategy": "merge",
  }),
  ownerReferences: listByKey("Objects that this one depends on.", "uid", ownerReference, 64),
  managedFields: list("Who set which fields; kept as given.", managedFieldsEntry, 256),
  selfLink: text("Kept for old clients; never set."),
});
