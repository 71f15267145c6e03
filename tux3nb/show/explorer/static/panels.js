// Beside the lanes: bytes, graph, named policies or least safe policies, and the properties along the run.

import { bytes, markAt } from "./bytes.js";
import { button, h, refill, roving, saying, sign } from "./dom.js";
import { lattice, matrix } from "./elsewhere.js";
import { Graph } from "./graph.js";

/** @typedef {import("./view.js").Explorer} Explorer */
/** @typedef {import("./view.js").Seen} Seen */

const TABS = [
  ["bytes", "Bytes"],
  ["graph", "Graph"],
  ["matrix", "Named policies"],
  ["lattice", "Least safe"],
];

export class Panels {
  /** @param {Explorer} explorer */
  constructor(explorer) {
    this.explorer = explorer;
    this.graph = new Graph(explorer.head.graph);
    this.tab = "bytes";
    const { uid } = explorer;
    this.panel = h("div", { class: "panel", role: "tabpanel", id: `${uid}-panel` });
    this.bars = roving(
      h("div", { class: "bars", role: "toolbar", "aria-label": "properties along the run" }),
    );
    this.tabs = TABS.map(([id, words]) =>
      button(
        `tab-${id}`,
        () => this.#open(id),
        { role: "tab", id: `${uid}-${id}`, "aria-controls": `${uid}-panel`, "data-tab": id },
        words,
      ),
    );
    const tabs = roving(h("div", { class: "tabs", role: "tablist", "aria-label": "what to see" }, this.tabs));
    this.el = h("div", { class: "side" }, tabs, this.panel, this.bars);
  }

  #open(tab) {
    this.tab = tab;
    this.explorer.paint();
  }

  /** @param {Seen[]} seen */
  paint(seen) {
    for (const tab of this.tabs) {
      tab.setAttribute("aria-selected", String(tab.dataset.tab === this.tab));
      if (tab.dataset.tab === this.tab) this.panel.setAttribute("aria-labelledby", tab.id);
    }
    this.explorer.main.dataset.tab = this.tab;
    if (this.tab === "bytes") refill(this.panel, this.#bytes(seen));
    else if (this.tab === "graph") this.#graph(seen.at(-1));
    else this.#elsewhere();
    this.drawn = this.tab === "bytes" ? "" : this.drawn;
    refill(this.bars, this.#bars(seen[this.explorer.mine()]));
  }

  /** @param {Seen[]} seen */
  #bytes(seen) {
    return seen.map(({ side, state, view, before, mark }) => {
      const whose = seen.length > 1 ? `${side.title}: where` : "Where";
      const when = state ? `after step ${state}` : "at the start";
      return h(
        "div",
        { class: "one" },
        bytes(side.tables, view, before, mark, `${whose} the bytes are ${when}, and who looks there`),
        h("p", { class: "notes" }, view.notes.join(" · ")),
      );
    });
  }

  /** @param {Seen} seen */
  #graph({ side, view, before, mark }) {
    this.graph.show(side.tables.words, view, before, mark);
    if (this.drawn !== "graph") refill(this.panel, this.graph.el);
    this.drawn = "graph";
  }

  /** Tables that no step changes; drawn anew for another policy only. */
  #elsewhere() {
    const { policies, state, host } = this.explorer;
    const key = `${this.tab} ${JSON.stringify(state.policy)}`;
    if (this.drawn === key) return;
    this.drawn = key;
    const choose = (policy, property) => this.explorer.choose(policy, property);
    const link = (policy, property) => host.link({ policy, property, step: null });
    refill(this.panel, (this.tab === "matrix" ? matrix : lattice)(policies, state.policy, choose, link));
  }

  /** @param {Seen} seen */
  #bars({ side, state }) {
    const total = Math.max(1, side.run.steps.length);
    const part = (n) => `${(100 * n) / total}%`;
    return this.explorer.head.properties.map(({ id, title }) => {
      const { since } = markAt(side.run, side.tables, id, state);
      const verdict = this.explorer.policies.verdict(this.explorer.state.policy, id);
      const elsewhere = verdict === "VIOLATED" ? "broken elsewhere" : saying(verdict);
      const kept = since ?? total;
      return button(
        `bar-${id}`,
        () => this.explorer.setProperty(id),
        { class: "prop", title, "aria-pressed": String(id === this.explorer.property()) },
        sign(verdict, true),
        h("span", { class: "id" }, id),
        h(
          "span",
          { class: "strip" },
          h("i", { class: "kept", style: `width: ${part(kept)}` }),
          h("i", { class: since == null ? "" : "lost", style: `width: ${part(total - kept)}` }),
          h("i", { class: "cursor", style: `left: ${part(state)}` }),
        ),
        h("span", { class: "told" }, since == null ? elsewhere : `broken after ${since}`),
      );
    });
  }
}
