// The head: the case, the verdict with one sentence, what to copy and to save, and what went wrong.

import { NONE, SIGNS, button, h, look, refill, roving, saying, sign } from "./dom.js";
import { columns, copy, opens, picture, python, savePng, saveSvg } from "./save.js";

/** @typedef {import("./view.js").Explorer} Explorer */

export class Head {
  /** @param {Explorer} explorer */
  constructor(explorer) {
    this.explorer = explorer;
    this.verdict = h("p", { class: "verdict", role: "status" });
    this.trouble = h("p", { class: "trouble", role: "alert" });
    this.text = h("div", { class: "text" });
    const { title, asks } = explorer.head.case;
    const top = [this.#cases() ?? h("h3", {}, title), h("span", { class: "asks" }, asks), this.#tools()];
    this.el = h("header", {}, h("div", { class: "top" }, top), this.verdict, this.trouble, this.text);
  }

  /** A sentence about what went wrong; "" takes it away. @param {string} text */
  say(text) {
    this.trouble.textContent = text;
    this.text.replaceChildren();
  }

  /** The choice of cases, by family; null where there is none. */
  #cases() {
    const { cases = [], choose } = this.explorer.host;
    if (cases.length < 2) return null;
    const option = ({ name, title, verdict }) => {
      const selected = name === this.explorer.head.case.name;
      return h("option", { value: name, selected }, `${name}: ${title} (${verdict in SIGNS ? saying(verdict) : verdict})`);
    };
    const change = (/** @type {any} */ { target }) => {
      this.explorer.section.setAttribute("aria-busy", "true");
      choose(target.value);
    };
    const families = [...new Set(cases.map(({ family }) => family))];
    const some = (family) => cases.filter((one) => one.family === family).map(option);
    return h(
      "label",
      { class: "cases" },
      h("b", {}, "Case"),
      h(
        "select",
        { "data-key": "case", onchange: change },
        families.map((family) => h("optgroup", { label: family }, some(family))),
      ),
    );
  }

  #tools() {
    const { explorer } = this;
    const copies = (key, words, make) => button(key, () => this.#copied(make()), {}, words);
    const png = () => savePng(this.#picture(), this.#name()).catch((error) => this.say(String(error)));
    return roving(
      h(
        "div",
        { class: "tools", role: "toolbar", "aria-label": "copy and save" },
        "copy ",
        copies("link", "link", () => this.#link()),
        copies("python", "Python", () => python(explorer.policies, explorer.here(), explorer.answer?.broke)),
        copies("columns", "columns", () => this.#columns()),
        " save ",
        button("svg", () => saveSvg(this.#picture(), this.#name()), {}, "SVG"),
        button("png", png, {}, "PNG"),
      ),
    );
  }

  paint() {
    const { policies, state } = this.explorer;
    const verdict = policies.verdict(state.policy);
    const property = this.explorer.property();
    const kept = policies.verdict(state.policy, property);
    const [other] = policies.broken(state.policy).filter((id) => id !== property);
    const go = () => this.explorer.setProperty(other);
    const first = other && kept !== "VIOLATED";
    const show = [`${other} is broken: `, button("show", go, { class: "show" }, `show ${other}`), ". Here: "];
    this.verdict.className = `verdict ${look(verdict)}`;
    refill(
      this.verdict,
      sign(verdict, true),
      h("b", {}, ` ${verdict ?? NONE[0]} `),
      first ? show : null,
      h("span", { class: first ? "" : "sentence" }, this.#sentence(property, kept)),
    );
  }

  /** What there is to say of a property under the policy, in the names on the screen. */
  #sentence(property, verdict) {
    const [side] = this.explorer.lanes.sides;
    const said = this.explorer.head.said[verdict] ?? {};
    if (verdict !== "VIOLATED") return said[property] ?? said.all ?? "";
    const marks = side?.run.bars?.[property]?.filter(([, mark]) => mark) ?? [];
    return marks.length ? side.tables.marks[marks.at(-1)[1]].sentence : `${property} is broken.`;
  }

  #name() {
    const { property, step, policy } = this.explorer.here();
    const told = [this.explorer.head.case.name, this.explorer.policies.told(policy), property, step ?? "end"];
    return told.join("-").replace(/\W+/g, "-");
  }

  #columns() {
    const { head, policies, state, lanes } = this.explorer;
    const above = [`${head.case.name}: ${head.case.title}`, `policy ${policies.told(state.policy)}`];
    const below = [this.verdict.textContent.trim(), this.#link()];
    return columns(head, lanes.sides.at(-1), [...above, ...below]);
  }

  /** What leads back to this view: an address, or in a notebook a call. */
  #link() {
    const { host, policies } = this.explorer;
    return host.lab ? opens(policies, this.explorer.here()) : host.link(this.explorer.here());
  }

  #picture() {
    const { panels, lanes, head } = this.explorer;
    if (panels.tab === "graph") return /** @type {any} */ (panels.graph.svg);
    const [side, seen] = [lanes.sides.at(-1), this.explorer.seen().at(-1)];
    return picture(head, side, seen.state, seen.view, seen.mark, this.verdict.textContent.trim());
  }

  async #copied(words) {
    const lines = words.trim().split("\n").length;
    if (await copy(words)) return this.say(`Copied: ${lines > 1 ? `${lines} lines` : words}`);
    this.say("The browser does not let a page copy; here is the text:");
    const area = h("textarea", { readonly: true, "aria-label": "text to copy", rows: Math.min(8, lines) });
    area.value = words;
    this.text.replaceChildren(area);
    return area.select();
  }
}
