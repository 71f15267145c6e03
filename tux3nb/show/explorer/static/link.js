// Links: `#rdma/reverse_fork+busy:in_place/I2@12` is case, policy, property and step.

import { nearest } from "./policies.js";

/** The four parts of a fragment; null where it is no link into an explorer. @param {string} hash */
export function parts(hash) {
  const text = hash.replace(/^#/, "");
  let pieces;
  try {
    pieces = text.split("/").map(decodeURIComponent);
  } catch {
    return { name: "", policy: "", property: "", step: "", trouble: "The link cannot be read." };
  }
  const [name = "", policy = "", rest = ""] = pieces;
  const [property, step = ""] = rest.split("@");
  return { name, policy, property, step, trouble: pieces.length > 3 ? "The link has too many parts." : "" };
}

/** The state that the parts tell, what is left out as at the start, and a sentence about what names nothing. */
export function stateOf(found, head, policies) {
  const { start } = head;
  const trouble = [found.trouble];
  const read = found.policy ? policies.read(found.policy) : {};
  if (read.trouble) trouble.push(read.trouble);
  const ids = head.properties.map(({ id }) => id);
  const known = !found.property || ids.includes(found.property);
  if (!known) trouble.push(`This case has no property ${found.property}${nearest(found.property, ids)}.`);
  const number = /^\d{1,6}$/.test(found.step);
  if (found.step && !number) trouble.push(`${found.step} is no step.`);
  const alone = !found.policy && !found.property;
  return {
    state: {
      policy: read.policy ?? start.policy,
      property: alone ? start.property : (known && found.property) || null,
      step: number ? Number(found.step) : alone ? start.step : null,
    },
    trouble: trouble.filter(Boolean).join(" "),
  };
}

/** The fragment of a state; `name` is the case, numbered where a page has it twice. */
export function fragment(name, policies, { policy, property, step }) {
  const tail = step == null ? (property ?? "") : `${property ?? ""}@${step}`;
  const told = [name, policies.told(policy), tail].map(encodeURIComponent).join("/");
  return `#${told.replaceAll("%2B", "+").replaceAll("%3A", ":").replaceAll("%40", "@")}`;
}
