// Where the bytes are now, and who looks at them: a real table, one row a place, one column a cell.

import { h } from "./dom.js";

/** @typedef {import("./types.js").Tables} Tables */
/** @typedef {import("./types.js").View} View */
/** @typedef {import("./types.js").Mark} Mark */
/** @typedef {import("./types.js").Row} Row */

const same = (a, b) => a?.v === b?.v && a?.by === b?.by;

/** @param {Tables} tables @param {View|null} view @returns {Map<string, Row>} */
const byKey = (tables, view) => new Map((view?.rows ?? []).map((n) => [tables.rows[n].key, tables.rows[n]]));

/** How a cell takes part in a mark: "", its end, or the way between its two ends. */
function part(mark, order, row, cell) {
  const places = (mark?.places ?? []).filter((place) => place.row !== undefined);
  const hit = places.find((place) => place.row === row && place.cell === cell);
  const ends = places.map((place) => order.indexOf(place.row)).sort((a, b) => a - b);
  const joined = mark?.kind === "differ" && places.length === 2 && places[0].cell === places[1].cell;
  const at = order.indexOf(row);
  if (!joined || places[0].cell !== cell) return hit ? "broken" : "";
  if (at === ends[0]) return ends[1] === at ? "broken" : `broken upper${ends[1] > at + 1 ? " far" : ""}`;
  if (at === ends[1]) return "broken lower";
  return at > ends[0] && at < ends[1] ? "between" : "";
}

/** @param {any} cell @param {any} was @param {string} marked @param {boolean} fresh */
function box(cell, was, marked, fresh) {
  if (!cell) return h("td", { class: `none ${marked}` }, h("span", { class: "unseen" }, "no such cell"));
  const changed = fresh || (was !== undefined && !same(cell, was)) ? "new" : "";
  const unlike = marked.includes("upper") ? h("span", { class: "unlike" }, "≠") : null;
  return h(
    "td",
    { class: `cell ${marked} ${changed}` },
    h("b", {}, cell.v),
    cell.by ? h("span", { class: "by" }, ` ${cell.by}`) : null,
    unlike,
  );
}

/** @param {Tables} tables @param {Row} row @param {Row|undefined} was @param {Mark|null} mark */
function lookers(tables, row, was, mark, first) {
  const before = new Set((was?.lookers ?? []).map((n) => tables.lookers[n].text));
  return h(
    "td",
    { class: "seen" },
    h(
      "ul",
      {},
      row.lookers.map((n) => {
        const { key, kind, text } = tables.lookers[n];
        const broken = mark?.places.some((place) => place.looker === key) ? "broken" : "";
        const fresh = !first && !before.has(text) ? "new" : "";
        return h("li", { class: `k-${kind} ${broken} ${fresh}` }, text);
      }),
    ),
  );
}

/**
 * The table of a view; what is new since the view before is marked, and the broken thing.
 * @param {Tables} tables @param {View} view @param {View|null} before @param {Mark|null} mark
 * @param {string} told
 */
export function bytes(tables, view, before, mark, told) {
  const rows = byKey(tables, view);
  const old = byKey(tables, before);
  const order = [...rows.keys()];
  const cells = Math.max(1, ...[...rows.values()].map((row) => row.cells.length));
  const numbers = [...Array(cells).keys()];
  const line = ([key, row]) => {
    const was = old.get(key);
    const fresh = Boolean(before) && !was;
    const whole = mark?.places.some((place) => place.row === key && place.cell == null);
    return h(
      "tr",
      { class: `r-${row.kind} ${whole ? "broken" : ""}`, "data-row": key },
      h(
        "th",
        { scope: "row", class: fresh ? "new" : "" },
        row.title,
        h("small", { class: before && was && was.note !== row.note ? "new" : "" }, row.note),
      ),
      numbers.map((n) => box(row.cells[n], was?.cells[n], part(mark, order, key, n), fresh)),
      lookers(tables, row, was, mark, !before),
    );
  };
  return h(
    "table",
    { class: "bytes" },
    h("caption", {}, told),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ["place", ...numbers.map((n) => `cell ${n}`), "who looks here"].map((text) =>
          h("th", { scope: "col" }, text),
        ),
      ),
    ),
    h("tbody", {}, [...rows].map(line)),
  );
}

/** The mark of a property in a state of a run, and the first state in which it is broken. */
export function markAt(run, tables, property, state) {
  const bars = run?.bars?.[property];
  if (!bars) return { mark: null, since: null };
  const now = bars.filter(([from]) => from <= state).at(-1);
  return { mark: now ? tables.marks[now[1]] : null, since: bars.find(([, mark]) => mark)?.[0] ?? null };
}
