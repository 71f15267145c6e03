// What happens elsewhere: the named policies by property, and the least safe policies. Every cell is a link.

import { SIGNS, h, look, roving, saying, sign } from "./dom.js";

/** @typedef {import("./policies.js").Policies} Policies */
/** @typedef {(policy: Object<string, string>, property: string|null) => void} Choose */
/** @typedef {(policy: Object<string, string>, property: string|null) => string} Link */

/** A link that is followed here. @param {Choose} choose @param {Link} link */
function cross(choose, link, policy, property, props, ...kids) {
  const go = (/** @type {MouseEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    choose(policy, property);
  };
  return h("a", { href: link(policy, property), onclick: go, ...props }, ...kids);
}

/** The named policies that a case can tell apart, with the names that it takes for the same. */
function distinct(policies) {
  const seen = new Map();
  for (const named of policies.head.named) {
    const key = policies.key(named.policy);
    if (seen.has(key)) seen.get(key).alike.push(named.id);
    else seen.set(key, { ...named, alike: [] });
  }
  return [...seen.values()].filter(({ policy }) => policies.has(policies.head.all, policy));
}

/** @param {Policies} policies @param {Choose} choose @param {Link} link */
export function matrix(policies, now, choose, link) {
  const ids = ["all", ...policies.head.properties.map(({ id }) => id)];
  const cell = ({ id, policy }, property) => {
    const verdict = policies.verdict(policy, property);
    const words = `${id}, ${property}: ${saying(verdict)}`;
    return h(
      "td",
      { class: look(verdict) },
      cross(
        choose,
        link,
        policy,
        property === "all" ? null : property,
        { "aria-label": words, title: words },
        sign(verdict, true),
      ),
    );
  };
  const line = (named) =>
    h(
      "tr",
      { class: policies.same(named.policy, now) ? "chosen" : "" },
      h(
        "th",
        { scope: "row", title: named.title },
        cross(choose, link, named.policy, null, {}, named.id),
        named.alike.length ? h("small", {}, ` = ${named.alike.join(", ")}`) : null,
      ),
      ids.map((id) => cell(named, id)),
    );
  const table = h(
    "table",
    { class: "matrix" },
    h("caption", {}, "The named policies by property: press a sign to see its run"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ["policy", ...ids].map((id) => h("th", { scope: "col" }, id)),
      ),
    ),
    h("tbody", {}, distinct(policies).map(line)),
  );
  return [roving(table), key(policies)];
}

/** What the signs say, those in use. */
function key({ head }) {
  const used = Object.keys(SIGNS).filter((verdict) =>
    Object.values(head.verdicts).some((by) => verdict in by),
  );
  return h(
    "ul",
    { class: "key" },
    used.map((verdict) => h("li", {}, sign(verdict, true), ` ${saying(verdict)}`)),
  );
}

/** @param {Policies} policies @param {Choose} choose @param {Link} link */
export function lattice(policies, now, choose, link) {
  const { lattice: least } = policies.head;
  if (!least.length) return [h("p", {}, "No policy of this case keeps all that it asks.")];
  const drop = (entry, { feature, title, value, to, breaks, owner }) => {
    const policy = { ...entry.policy, [feature]: to };
    const values = policies.features.find(({ id }) => id === feature)?.values ?? [];
    const word = (id) => values.find((one) => one.id === id)?.word ?? id;
    const what = `${word(value)} → ${word(to)}`;
    return h(
      "li",
      {},
      cross(
        choose,
        link,
        policy,
        breaks[0] ?? null,
        { title: `${title} (${owner})` },
        `× ${policies.features.find(({ id }) => id === feature)?.title ?? title}: ${what}`,
      ),
      h("span", { class: "breaks" }, ` ${breaks.length ? `breaks ${breaks.join(", ")}` : "no such policy"}`),
    );
  };
  const one = (entry) =>
    h(
      "li",
      { class: policies.same(entry.policy, now) ? "chosen" : "" },
      cross(
        choose,
        link,
        entry.policy,
        null,
        { class: "name", title: entry.title },
        sign(policies.verdict(entry.policy)),
        entry.id || entry.title,
      ),
      entry.count > 1 ? h("small", {}, ` one of ${entry.count.toLocaleString("en")} alike`) : null,
      h(
        "ul",
        {},
        entry.mechanisms.map((mechanism) => drop(entry, mechanism)),
      ),
    );
  return [
    h("p", {}, "The least safe policies: drop any one mechanism, and something breaks."),
    roving(h("ul", { class: "least" }, least.map(one))),
  ];
}
