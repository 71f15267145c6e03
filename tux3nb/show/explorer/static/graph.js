// The ownership graph: laid out once a case by Graphviz; a view switches its parts and fills in its texts.

import { h } from "./dom.js";

/** @typedef {import("./types.js").View} View */

export class Graph {
  constructor(graph) {
    const read = new DOMParser().parseFromString(graph.svg, "image/svg+xml");
    this.svg = document.importNode(read.documentElement, true);
    this.svg.setAttribute("role", "img");
    const legend = (graph.legend ?? []).map((one) =>
      h("li", {}, h("span", { class: `line ${one.class}` }), one.text),
    );
    this.el = h(
      "div",
      { class: "graph", tabindex: 0, role: "region", "aria-label": "the ownership graph" },
      this.svg,
      legend.length ? h("ul", { class: "legend" }, legend) : null,
    );
    const drawn = /** @type {SVGElement[]} */ ([...this.svg.querySelectorAll("[data-part]")]);
    const ids = new Map(drawn.map((el) => [el.dataset.part, el]));
    this.parts = graph.parts.map((part) => ({ ...part, el: ids.get(part.id) })).filter(({ el }) => el);
    for (const part of this.parts) part.css = part.el.getAttribute("class") ?? "";
  }

  /** @param {string[]} words @param {View} view @param {View|null} before @param {any} mark */
  show(words, view, before, mark) {
    const broken = new Set(mark?.parts ?? []);
    const said = [];
    this.parts.forEach(({ id, kind, el, css }, n) => {
      const word = words[view.graph[n]] ?? "";
      const changed = before && before.graph[n] !== view.graph[n] ? " chg" : "";
      const bad = broken.has(id) ? " broken" : "";
      if (kind === "text") {
        el.textContent = word;
        el.setAttribute("class", `${css}${changed}${bad}`);
        if (word) said.push(word);
      } else {
        el.setAttribute("class", `${css} ${word}${changed}${bad}`);
        el.toggleAttribute("hidden", !word);
        /** @type {SVGElement} */ (el).style.display = word ? "" : "none";
      }
    });
    this.svg.setAttribute("aria-label", said.join("; "));
  }
}
