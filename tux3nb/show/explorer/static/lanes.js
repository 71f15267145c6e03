// Lanes: actors side by side, time down. One run, or two runs of the same schedule beside each other.

import { h, sign } from "./dom.js";
import { Flows } from "./flows.js";
import { acting, aligned, differing, effectOf, folded, operations, stepOf } from "./lines.js";

/** @typedef {import("./lines.js").Side} Side */
/** @typedef {import("./lines.js").Line} Line */
/** @typedef {import("./lines.js").Group} Group */

/** The letters of the longest word of a text. @param {string} text */
const longest = (text) => Math.max(...text.split(/\s+/).map((word) => word.length));

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
    /** @type {Side[]} */
    this.sides = [];
    /** @type {any[]} */
    this.actors = [];
    this.flows = new Flows(this.sheet, this.list, this.uid);
    this.watch = new ResizeObserver(() => this.flows.draw(this.sides, this.lines, this.property));
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
    this.#columns(begun);
    this.el.classList.toggle("pair", sides.length > 1);
    this.heads.replaceChildren(...sides.map((side) => this.#heads(side)));
    const notes = this.#notes();
    this.list.replaceChildren(
      ...folded(sides, this.lines, begun).flatMap((group) => [
        ...(notes.get(group.from) ?? []),
        this.#row(group, begun),
      ]),
    );
    this.flows.draw(this.sides, this.lines, this.property);
  }

  /** Lanes are as wide as their texts want; the last one most of all, where no text may run on to the right. None is
   * so narrow that a word must be broken.
   * @param {Map<number, any>[]} begun */
  #columns(begun) {
    const want = this.actors.map(({ title }) => title.length);
    const words = this.actors.map(({ title }) => longest(title));
    const last = want.length - 1;
    this.sides.forEach((side, n) =>
      side.run.steps.forEach(([number], k) => {
        const at = this.actors.findIndex(({ id }) => id === side.tables.steps[number].actor);
        const texts = [begun[n].get(k)?.op ?? "", effectOf(side, k)];
        const [op, effect] = texts.map((text) => text.length);
        want[at] = Math.max(want[at], at === last ? op + effect : Math.min(20, Math.max(op, effect)));
        if (at === last) words[at] = Math.max(words[at], ...texts.map(longest));
      }),
    );
    const lanes = (least) =>
      want.map((n, at) => `minmax(${least(at)}, ${Math.min(26, Math.max(9, n))}fr)`).join(" ");
    this.el.style.setProperty("--lanes", lanes((at) => `calc(${words[at]}ch + 12px)`));
    this.ends = lanes(() => "min-content");
  }

  /** @param {Side} side */
  #heads(side) {
    const name = this.sides.length > 1 ? h("b", { class: "which" }, sign(side.verdict), side.title) : null;
    return h(
      "div",
      { class: "half" },
      name,
      this.actors.map(({ id, title }, n) =>
        h("span", { class: "actor", "data-actor": id, style: `grid-column: ${n + 2}` }, title),
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
    const other = group.from === differing(this.sides, this.lines) ? " other" : "";
    return h(
      "div",
      { class: `row${other}` },
      this.sides.map((side, n) => this.#half(side, n, group, begun)),
    );
  }

  /** One side of a row: the bars of the operations under way, and what the steps do. */
  #half(side, n, { from, to }, begun) {
    const first = from ? this.lines[from - 1].after[n] : 0;
    const end = this.lines[to].after[n];
    const bars = [...begun[n]]
      .filter(([start, { op, to: stop }]) => op && start < end && stop >= first)
      .map(([, { actor }]) => h("i", { class: "bar", style: `grid-column: ${this.#lane(actor)}` }));
    const cells = this.actors.map((_, lane) => h("i", { class: "lane", style: `grid-column: ${lane + 2}` }));
    const items = [];
    for (let line = from; line <= to; line++) {
      if (this.lines[line].steps[n] >= 0) items.push(this.#item(side, n, line, begun));
    }
    const actor = first < end ? stepOf(side, first).actor : "";
    const place = `grid-column: ${this.#lane(actor)} / -1`;
    return h(
      "div",
      { class: "half" },
      h(
        "span",
        { class: "num", "aria-hidden": "true" },
        end > first + 1 ? `${first + 1}-${end}` : end > first ? end : "",
      ),
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
    const op = begun[n].get(k)?.op;
    const props = told
      ? {
          role: "option",
          id: `${this.uid}-${line}`,
          "aria-selected": "false",
          "aria-label": this.#said(line, begun),
        }
      : { "aria-hidden": "true" };
    return h(
      "span",
      { ...props, "data-line": line, class: op || effect ? "lead" : "dot", title: stepOf(side, k).says },
      op ? h("code", {}, op) : null,
      op && effect ? " " : null,
      effect ? h("b", {}, effect) : null,
    );
  }

  /** A line in words. @param {number} line @param {Map<number, any>[]} begun  operations of each side */
  #said(line, begun) {
    const told = this.lines[line].steps.map((k, n) => {
      const step = stepOf(this.sides[n], k);
      const words = [begun[n].get(k)?.op, effectOf(this.sides[n], k)].filter(Boolean).join(" ");
      return step ? `${k + 1}, ${step.actor}: ${words || step.says}` : "";
    });
    return [...new Set(told.filter(Boolean))].join("; ");
  }

  /** The column of an actor's lane; the first has the numbers. */
  #lane(actor) {
    return this.actors.findIndex(({ id }) => id === actor) + 2;
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
    this.flows.near(this.#states(passed));
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

  /** Bring the decision that differs into view. */
  showDifference() {
    const row = /** @type {HTMLElement|null} */ (this.list.querySelector(".row.other"));
    if (row)
      this.scroll.scrollTo({ top: row.offsetTop + this.sheet.offsetTop - this.heads.offsetHeight - 60 });
  }

  /** How many steps each side has taken where so many lines have passed. */
  #states(passed) {
    return passed ? this.lines[passed - 1].after : this.sides.map(() => 0);
  }

  destroy() {
    this.watch.disconnect();
  }
}
