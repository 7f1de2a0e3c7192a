/** Names of address families, with the short ones of plain unicast. */
import { type AddressFamily, addressFamilyNames } from "@heddle/bgp";
import type { ConfigField } from "@heddle/config";

const shortFamilies: Readonly<Record<string, AddressFamily>> = {
  ipv4: "ipv4-unicast",
  ipv6: "ipv6-unicast",
};

export function parseFamily(field: ConfigField): AddressFamily {
  return familyIn(field, addressFamilyNames);
}

/** Each once; absent: all that are allowed. */
export function parseFamilies(
  field: ConfigField,
  allowed: readonly AddressFamily[],
): readonly AddressFamily[] {
  const items = field.items(addressFamilyNames.length);
  if (items.length === 0) return allowed;
  const families = items.map((item) => familyIn(item, allowed));
  const isOnce = new Set(families).size === families.length;
  return isOnce ? families : field.fail("a family twice, want it once");
}

function familyIn(field: ConfigField, allowed: readonly AddressFamily[]): AddressFamily {
  const name = field.text();
  const short = Object.hasOwn(shortFamilies, name) ? shortFamilies[name] : undefined;
  const family = short ?? allowed.find((each) => each === name);
  if (family !== undefined && allowed.includes(family)) return family;
  return field.fail(`${JSON.stringify(name)}, want one of ${allowed.join(", ")}`);
}
