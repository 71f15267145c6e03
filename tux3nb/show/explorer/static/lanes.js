// Lanes: actors side by side, time down. One run, or two runs of the same schedule beside each other.

import { h, sign, svg } from "./dom.js";

/** @typedef {import("./types.js").Run} Run */
/** @typedef {import("./types.js").Tables} Tables */
/** @typedef {{run: Run, tables: Tables, title: string, verdict: string|null}} Side */
/** @typedef {{steps: number[], after: number[]}} Line      step of each side (-1: none), states after it */
/** @typedef {{from: number, to: number}} Group             lines that stand in one row, the first tells */

/** The lines of one run, or of two whose steps stand beside each other where the schedule is the same.
 * @param {Side[]} sides @returns {Line[]} */
export function aligned(sides) {
  if (sides.length === 1) return sides[0].run.steps.map((_, k) => ({ steps: [k], after: [k + 1] }));
  const [left, right] = sides.map(({ run }) => run);
  /** @type {Line[]} */
  const lines = [];
  const add = (a, b, j, i) => lines.push({ steps: [a, b], after: [j, i] });
  let j = 0;
  for (let i = 0; i < right.steps.length; i++) {
    const twin = right.mirrors?.[i] ?? -1;
    if (twin < j) add(-1, i, j, i + 1);
    else {
      for (; j < twin; j++) add(j, -1, j + 1, i);
      add(j++, i, j, i + 1);
    }
  }
  for (; j < left.steps.length; j++) add(j, -1, j + 1, right.steps.length);
  return lines;
}

/** The step that a line has on a side. @param {Side} side @param {number} k */
const stepOf = (side, k) => (k < 0 ? null : side.tables.steps[side.run.steps[k][0]]);
const effectOf = (side, k) => (k < 0 ? "" : side.tables.texts[side.run.steps[k][1]]);

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

/** Draws the rows once a run; a step only moves marks. */
export class Lanes {
  /** @param {any} head @param {(line: number) => void} go  called with the number of lines to have passed */
  constructor(head, go, uid) {
    this.head = head;
    this.go = go;
    this.uid = uid;
    this.list = h("div", {
      class: "list",
      role: "listbox",
      tabindex: 0,
      "aria-label": "steps",
      "data-key": "lanes",
      onclick: (event) => this.#press(event),
    });
    this.heads = h("div", { class: "row heads" });
    this.sheet = h("div", { class: "sheet" }, this.list);
    this.scroll = h("div", { class: "scroll" }, this.heads, this.sheet);
    this.el = h("div", { class: "lanes" }, this.scroll);
    /** @type {Line[]} */
    this.lines = [];
    this.watch = new ResizeObserver(() => this.#flows());
    this.watch.observe(this.sheet);
  }

  #press(event) {
    const found = event.target.closest("[data-line]");
    if (found) this.go(Number(found.dataset.line) + 1);
    this.list.focus({ preventScroll: true });
  }

  /** @param {Side[]} sides @param {string|null} property */
  draw(sides, property) {
    this.sides = sides;
    this.property = property;
    this.lines = aligned(sides);
    this.actors = acting(this.head, sides);
    const begun = sides.map(operations);
    this.el.style.setProperty("--lanes", this.#columns(begun));
    this.el.classList.toggle("pair", sides.length > 1);
    this.heads.replaceChildren(h("span", { class: "num" }), ...sides.map((side) => this.#heads(side)));
    const notes = this.#notes();
    this.list.replaceChildren(
      ...folded(sides, this.lines, begun).flatMap((group) => [
        ...(notes.get(group.from) ?? []),
        this.#row(group, begun),
      ]),
    );
    this.#flows();
  }

  /** Lanes are as wide as their texts want. @param {Map<number, any>[]} begun */
  #columns(begun) {
    const want = this.actors.map(({ title }) => title.length);
    this.sides.forEach((side, n) =>
      side.run.steps.forEach(([number], k) => {
        const at = this.actors.findIndex(({ id }) => id === side.tables.steps[number].actor);
        want[at] = Math.max(want[at], effectOf(side, k).length, (begun[n].get(k)?.op ?? "").length);
      }),
    );
    return want.map((n) => `minmax(0, ${Math.min(24, Math.max(9, n))}fr)`).join(" ");
  }

  /** @param {Side} side */
  #heads(side) {
    const name = this.sides.length > 1 ? h("b", { class: "which" }, sign(side.verdict), side.title) : null;
    return h(
      "div",
      { class: "half" },
      name,
      this.actors.map(({ id, title }, n) =>
        h("span", { class: "actor", "data-actor": id, style: `grid-column: ${n + 1}` }, title),
      ),
    );
  }

  /** Rows that tell what no step does: the window of the race, and the decision that differs. */
  #notes() {
    /** @type {Map<number, HTMLElement[]>} */
    const notes = new Map();
    const at = differing(this.sides, this.lines);
    const { run } = this.sides.at(-1);
    const add = (line, kind, text) =>
      notes.set(line, [...(notes.get(line) ?? []), h("div", { class: `note ${kind}` }, text)]);
    if (at >= 0 && run.differs_text) add(at, "other", run.differs_text);
    const arc = this.sides[0].run.arcs?.[this.property];
    const end = arc ? this.lines.findIndex(({ steps }) => steps[0] === arc.to - 1) : -1;
    if (end >= 0) add(end, "race", arc.text);
    return notes;
  }

  /** @param {Group} group @param {Map<number, any>[]} begun */
  #row(group, begun) {
    const { from, to } = group;
    const last = (n) => this.lines[n].steps.findLast((k) => k >= 0) + 1;
    const other = from === differing(this.sides, this.lines) ? " other" : "";
    return h(
      "div",
      { class: `row${other}` },
      h(
        "span",
        { class: "num", "aria-hidden": "true" },
        from === to ? last(from) : `${last(from)}-${last(to)}`,
      ),
      this.sides.map((side, n) => this.#half(side, n, group, begun[n])),
    );
  }

  /** One side of a row: the bars of the operations under way, and what the steps do. */
  #half(side, n, { from, to }, begun) {
    const first = from ? this.lines[from - 1].after[n] : 0;
    const end = this.lines[to].after[n];
    const bars = [...begun]
      .filter(([start, { op, to: stop }]) => op && start < end && stop >= first)
      .map(([, { actor }]) => h("i", { class: "bar", style: `grid-column: ${this.#lane(actor)}` }));
    const cells = this.actors.map((_, lane) => h("i", { class: "lane", style: `grid-column: ${lane + 1}` }));
    const items = [];
    for (let line = from; line <= to; line++) {
      if (this.lines[line].steps[n] >= 0) items.push(this.#item(side, n, line, begun));
    }
    const actor = first < end ? stepOf(side, first).actor : "";
    const place = `grid-column: ${this.#lane(actor)} / -1`;
    return h(
      "div",
      { class: "half" },
      cells,
      bars,
      items.length ? h("span", { class: "does", style: place }, items) : null,
    );
  }

  /** What one step does: its operation where it begins one, its effect, or a dot. */
  #item(side, n, line, begun) {
    const k = this.lines[line].steps[n];
    const told = n === this.lines[line].steps.findLastIndex((step) => step >= 0);
    const effect = effectOf(side, k);
    const op = begun.get(k)?.op;
    const props = told
      ? {
          role: "option",
          id: `${this.uid}-${line}`,
          "aria-selected": "false",
          "aria-label": this.#said(line),
        }
      : { "aria-hidden": "true" };
    return h(
      "span",
      { ...props, "data-line": line, class: op || effect ? "lead" : "dot", title: stepOf(side, k).says },
      op ? h("code", {}, op) : null,
      effect ? h("b", {}, effect) : null,
    );
  }

  /** A line in words. */
  #said(line) {
    const told = this.lines[line].steps.map((k, n) => {
      const step = stepOf(this.sides[n], k);
      return step ? `${k + 1}, ${step.actor}: ${effectOf(this.sides[n], k) || step.says}` : "";
    });
    return [...new Set(told.filter(Boolean))].join("; ");
  }

  #lane(actor) {
    return this.actors.findIndex(({ id }) => id === actor) + 1;
  }

  /** Mark where the reader is: `passed` lines, and for each side the state from which the property is broken. */
  show(passed, broken) {
    for (const el of this.list.querySelectorAll("[data-line]")) {
      const line = Number(/** @type {HTMLElement} */ (el).dataset.line);
      const now = line === passed - 1;
      el.classList.toggle("now", now);
      el.classList.toggle("later", line >= passed);
      if (el.getAttribute("role")) el.setAttribute("aria-selected", String(now));
    }
    for (const row of this.list.querySelectorAll(".row")) this.#markRow(row, broken);
    const now = this.list.querySelector("[role=option].now");
    if (now) this.list.setAttribute("aria-activedescendant", now.id);
    else this.list.removeAttribute("aria-activedescendant");
    this.#intoView(now);
    for (const flow of this.sheet.querySelectorAll(".flow"))
      flow.classList.toggle("near", this.#near(flow, passed));
  }

  #markRow(row, broken) {
    row.classList.toggle("now", Boolean(row.querySelector(".now")));
    row.querySelectorAll(".half").forEach((half, n) => {
      const at = [...half.querySelectorAll("[data-line]")].some((el) => {
        const line = Number(/** @type {HTMLElement} */ (el).dataset.line);
        return broken[n] != null && this.lines[line].after[n] === broken[n] && this.lines[line].steps[n] >= 0;
      });
      half.classList.toggle("breaks", at);
    });
    row.classList.toggle("after", !row.querySelector("[data-line]:not(.later)"));
  }

  #intoView(now) {
    const row = now?.closest(".row");
    if (!row) return this.scroll.scrollTo({ top: 0 });
    const top = row.offsetTop + this.sheet.offsetTop;
    const { scrollTop, clientHeight } = this.scroll;
    const above = this.heads.offsetHeight + row.offsetHeight;
    if (top - above < scrollTop || top + 2 * row.offsetHeight > scrollTop + clientHeight) {
      this.scroll.scrollTo({ top: top - clientHeight / 2 });
    }
    return undefined;
  }

  #near(flow, passed) {
    const { side, from, to } = flow.dataset;
    const state = passed ? this.lines[passed - 1].after[Number(side)] : 0;
    return Number(from) === state || Number(to) === state;
  }

  /** Arrows over the rows; their places are measured, then stretch with the sheet. */
  #flows() {
    for (const old of this.sheet.querySelectorAll("svg")) old.remove();
    if (!this.sides || !this.sheet.clientWidth) return;
    const { clientWidth: width, clientHeight: height } = this.sheet;
    const drawn = this.sides.flatMap((side, n) => {
      const arc = side.run.arcs?.[this.property];
      const arrows = (side.run.arrows ?? []).map((arrow) => this.#flow(n, arrow, arrow.kind));
      return [...arrows, arc ? this.#flow(n, arc, "arc") : null];
    });
    const head = svg(
      "marker",
      {
        id: `${this.uid}-tip`,
        viewBox: "0 0 8 8",
        refX: 7,
        refY: 4,
        markerWidth: 6,
        markerHeight: 6,
        orient: "auto-start-reverse",
      },
      svg("path", { d: "M0 0L8 4L0 8z", class: "tip" }),
    );
    this.sheet.append(
      svg(
        "svg",
        {
          class: "flows",
          viewBox: `0 0 ${width} ${height}`,
          preserveAspectRatio: "none",
          "aria-hidden": "true",
        },
        head,
        drawn,
      ),
    );
  }

  /** @param {number} n @param {{from: number, to: number, text: string}} arrow @param {string} kind */
  #flow(n, arrow, kind) {
    const [a, b] = [arrow.from, arrow.to].map((step) => this.#spot(n, step));
    if (!a || !b) return null;
    const bend = kind === "arc" ? 26 : 10;
    const d = `M${a.x} ${a.y} C${a.x - bend} ${a.y} ${b.x - bend} ${b.y} ${b.x - 2} ${b.y}`;
    const path = svg(
      "path",
      {
        d,
        class: `flow ${kind}`,
        "marker-end": `url(#${this.uid}-tip)`,
        "data-side": n,
        "data-from": arrow.from,
        "data-to": arrow.to,
      },
      svg("title", {}, arrow.text),
    );
    return path;
  }

  /** The left end of what a step (from 1) does, on the sheet. */
  #spot(n, step) {
    const line = this.lines.findIndex(({ steps }) => steps[n] === step - 1);
    const half = [...this.list.querySelectorAll(`[data-line="${line}"]`)]
      .map((el) => el.closest(".half"))
      .find((el) => el && [...el.parentElement.querySelectorAll(".half")].indexOf(el) === n);
    const el = half?.querySelector(`[data-line="${line}"]`);
    if (!el) return null;
    const [box, sheet] = [el.getBoundingClientRect(), this.sheet.getBoundingClientRect()];
    return {
      x: Math.round(box.left - sheet.left - 3),
      y: Math.round(box.top - sheet.top + Math.min(10, box.height / 2)),
    };
  }

  destroy() {
    this.watch.disconnect();
  }
}
