// The lines of one run, or of two runs of the same schedule: what stands in which row of the lanes.

/** @typedef {import("./types.js").Run} Run */
/** @typedef {import("./types.js").Tables} Tables */
/** @typedef {{run: Run, tables: Tables, title: string, verdict: string|null}} Side */
/** @typedef {{steps: number[], after: number[]}} Line      step of each side (-1: none), states after it */
/** @typedef {{from: number, to: number}} Group             lines that stand in one row, the first tells */

/** Lines for what the two sides do each for itself, side by side as far as both have something to do.
 * @param {number[]} own  steps of the left @param {number[]} other  steps of the right */
const apart = (own, other) =>
  Array.from({ length: Math.max(own.length, other.length) }, (_, n) => [own[n] ?? -1, other[n] ?? -1]);

/** The lines of one run, or of two: a step that both take stands in one line, the others between such lines.
 * @param {Side[]} sides @returns {Line[]} */
export function aligned(sides) {
  if (sides.length === 1) return sides[0].run.steps.map((_, k) => ({ steps: [k], after: [k + 1] }));
  const [left, right] = sides.map(({ run }) => run);
  const pairs = [];
  let [own, other] = [[], []];
  let next = 0;
  right.steps.forEach((_, k) => {
    const twin = right.mirrors?.[k] ?? -1;
    if (twin < next) other.push(k);
    else {
      for (; next < twin; next++) own.push(next);
      pairs.push(...apart(own, other), [next++, k]);
      [own, other] = [[], []];
    }
  });
  for (; next < left.steps.length; next++) own.push(next);
  pairs.push(...apart(own, other));
  const after = [0, 0];
  return pairs.map((steps) => {
    steps.forEach((k, n) => (after[n] = k < 0 ? after[n] : k + 1));
    return { steps, after: [...after] };
  });
}

/** The step that a line has on a side. @param {Side} side @param {number} k */
export const stepOf = (side, k) => (k < 0 ? null : side.tables.steps[side.run.steps[k][0]]);
export const effectOf = (side, k) => (k < 0 ? "" : side.tables.texts[side.run.steps[k][1]]);

/** For each step of a run: does it begin an operation, and where does the operation end? @param {Side} side */
export function operations(side) {
  /** @type {Map<string, {line: any, from: number}>} */
  const open = new Map();
  const begins = new Map();
  side.run.steps.forEach(([number], k) => {
    const { actor, line, op } = side.tables.steps[number];
    const last = open.get(actor);
    if (!last || last.line !== line || line == null) open.set(actor, { line, from: k });
    const { from } = open.get(actor);
    begins.set(from, { actor, op: from === k ? op : (begins.get(from)?.op ?? op), to: k });
  });
  return begins;
}

/** Steps without an effect join the row of the step before, if the same actor made it. @param {Side[]} sides
 * @param {Line[]} lines @param {Map<number, any>[]} begun @returns {Group[]} */
export function folded(sides, lines, begun) {
  /** @type {Group[]} */
  const groups = [];
  const told = (n) => lines[n].steps.some((k, side) => effectOf(sides[side], k) || begun[side].get(k)?.op);
  const who = (n) => lines[n].steps.map((k, side) => stepOf(sides[side], k)?.actor ?? "").join("|");
  lines.forEach((_, n) => {
    const parts = n && !told(n) && who(n) === who(n - 1) && n !== differing(sides, lines);
    if (parts) groups.at(-1).to = n;
    else groups.push({ from: n, to: n });
  });
  return groups;
}

/** The line at which the second policy decides otherwise, or -1. @param {Side[]} sides @param {Line[]} lines */
export function differing(sides, lines) {
  const at = sides.at(-1).run.differs;
  return at == null ? -1 : lines.findIndex(({ steps }) => steps.at(-1) === at);
}

/** The actors with a lane: those who act here, and those who are asked to. */
export function acting(head, sides) {
  const here = new Set(sides.flatMap(({ run, tables }) => run.steps.map(([n]) => tables.steps[n].actor)));
  return head.actors.filter(({ id }) => here.has(id) || head.case.columns[id]?.length);
}
