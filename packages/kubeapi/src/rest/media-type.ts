/** Content negotiation: JSON objects, or tables of them. */
import { StatusError } from "@heddle/kube";

export type ResponseFormat =
  | { readonly kind: "object" }
  | { readonly kind: "table"; readonly version: "v1" | "v1beta1" }
  | { readonly kind: "metadata"; readonly version: "v1" };

/**
 * What the server can answer with, best match in the order of the header. @throws StatusError
 * NotAcceptable
 */
export function negotiate(accept: string | undefined): ResponseFormat {
  if (accept === undefined || accept.trim() === "") return { kind: "object" };
  for (const entry of accept.split(",")) {
    const format = formatOf(entry);
    if (format !== undefined) return format;
  }
  throw new StatusError(
    "NotAcceptable",
    "only the following media types are accepted: application/json, " +
      "application/json;as=Table;v=v1;g=meta.k8s.io",
  );
}

function formatOf(entry: string): ResponseFormat | undefined {
  const [type, ...parameters] = entry.split(";").map((part) => part.trim().toLowerCase());
  if (type !== "application/json" && type !== "application/*" && type !== "*/*") return undefined;
  const get = (name: string): string | undefined =>
    parameters.find((parameter) => parameter.startsWith(`${name}=`))?.slice(name.length + 1);
  const as = get("as");
  if (as === undefined) return { kind: "object" };
  const version = get("v");
  if (get("g") !== "meta.k8s.io") return undefined;
  if (as === "table" && (version === "v1" || version === "v1beta1"))
    return { kind: "table", version };
  if (/^partialobjectmetadata(list)?$/.test(as) && version === "v1") {
    return { kind: "metadata", version };
  }
  return undefined;
}

/** True for a JSON body. An absent header counts as JSON. */
export function isJsonType(contentType: string | undefined): boolean {
  const type = contentType?.split(";")[0]?.trim().toLowerCase();
  return type === undefined || type === "" || type === "application/json";
}
