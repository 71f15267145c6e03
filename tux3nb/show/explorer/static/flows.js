// Arrows over the lanes: what is copied where, who waits for whom, and the window of the race.

import { svg } from "./dom.js";

/** @typedef {import("./lines.js").Side} Side */
/** @typedef {import("./lines.js").Line} Line */

export class Flows {
  /** @param {HTMLElement} sheet  under the arrows @param {HTMLElement} list  the rows @param {string} uid */
  constructor(sheet, list, uid) {
    this.sheet = sheet;
    this.list = list;
    this.uid = uid;
  }

  /** Places are measured in the sheet as it is; then the arrows stretch with it.
   * @param {Side[]} sides @param {Line[]} lines @param {string|null} property */
  draw(sides, lines, property) {
    for (const old of this.sheet.querySelectorAll("svg.flows")) old.remove();
    const { width, height } = this.sheet.getBoundingClientRect();
    if (!width || !height) return;
    this.lines = lines;
    const drawn = sides.flatMap(({ run }, n) => {
      const arc = run.arcs?.[property];
      return [
        ...run.arrows.map((arrow) => this.#flow(n, arrow, arrow.kind)),
        arc ? this.#flow(n, arc, "arc") : null,
      ];
    });
    const box = { viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 6, markerHeight: 6, orient: "auto" };
    const tip = svg(
      "marker",
      { id: `${this.uid}-tip`, ...box },
      svg("path", { d: "M0 0L8 4L0 8z", class: "tip" }),
    );
    const size = { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none" };
    this.sheet.append(svg("svg", { class: "flows", ...size, "aria-hidden": "true" }, tip, drawn));
  }

  /** Those that begin or end at the step last taken stand out. @param {number[]} states */
  near(states) {
    for (const flow of this.sheet.querySelectorAll(".flow")) {
      const { side, from, to } = /** @type {SVGElement} */ (flow).dataset;
      const state = states[Number(side)];
      flow.classList.toggle("near", Number(from) === state || Number(to) === state);
    }
  }

  /** @param {number} n @param {{from: number, to: number, text: string}} arrow @param {string} kind */
  #flow(n, arrow, kind) {
    const [a, b] = [arrow.from, arrow.to].map((step) => this.#spot(n, step));
    if (!a || !b) return null;
    const bend = kind === "arc" ? 14 : 8;
    const d = `M${a.x} ${a.y} C${a.x - bend} ${a.y} ${b.x - bend} ${b.y} ${b.x - 2} ${b.y}`;
    const about = { "data-side": n, "data-from": arrow.from, "data-to": arrow.to };
    const tip = { "marker-end": `url(#${this.uid}-tip)` };
    return svg("path", { d, class: `flow ${kind}`, ...tip, ...about }, svg("title", {}, arrow.text));
  }

  /** The left end of what a step (from 1) does, on the sheet. */
  #spot(n, step) {
    const line = this.lines.findIndex(({ steps }) => steps[n] === step - 1);
    const side = (/** @type {Element} */ el) =>
      [...el.closest(".row").querySelectorAll(".half")].indexOf(el.closest(".half"));
    const el = [...this.list.querySelectorAll(`[data-line="${line}"]`)].find((one) => side(one) === n);
    if (!el) return null;
    const [box, sheet] = [el.getBoundingClientRect(), this.sheet.getBoundingClientRect()];
    const y = box.top - sheet.top + Math.min(10, box.height / 2);
    return { x: Math.round(box.left - sheet.left - 3), y: Math.round(y) };
  }
}
