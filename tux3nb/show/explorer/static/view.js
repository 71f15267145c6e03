// The explorer: it knows what the reader has chosen, asks its host, and has its parts paint the answer.

import { markAt } from "./bytes.js";
import { all, button, h, roving } from "./dom.js";
import { Head } from "./head.js";
import { Lanes } from "./lanes.js";
import { Panels } from "./panels.js";
import { Policies } from "./policies.js";
import { PolicyBar } from "./policy.js";
import { Schedule } from "./schedule.js";
import { followTheme } from "./theme.js";

/** @typedef {import("./types.js").Host} Host */
/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Answer} Answer */
/** @typedef {import("./types.js").View} View */
/** @typedef {import("./types.js").Mark} Mark */
/** @typedef {import("./lines.js").Side} Side */
/**
 * @typedef {Object} Seen                              what the reader sees of a side
 * @property {Side} side
 * @property {number} state                            steps taken on this side
 * @property {View} view
 * @property {View|null} before                        the view before the last line
 * @property {Mark|null} mark
 * @property {number|null} since                       the state from which the property is broken
 */

/** The version of the document that is read here, and what is said of another. */
export const VERSION = 4;
export const OTHER = "it was made for another version of tux3nb";

let mounts = 0;

/** An answer that could not be had. @returns {any} */
const failed = (error) => ({ error: String(error.message ?? error) });

export class Explorer {
  /** @param {ShadowRoot} root @param {Host} host */
  constructor(root, host) {
    this.host = host;
    this.head = host.head;
    this.uid = `x${++mounts}`;
    this.policies = new Policies(host.head);
    const { state, trouble } = host.load();
    /** @type {State} */
    this.state = state;
    /** @type {Answer|null} */
    this.answer = null;
    /** @type {any} */
    this.other = null;
    this.pair = false;
    this.at = 0;
    this.#build(root);
    this.say(trouble);
    this.off = [
      followTheme(this.section, Boolean(host.lab)),
      host.onLoad(() => this.#reload()),
      () => this.lanes.destroy(),
    ];
    this.#ask();
  }

  destroy() {
    for (const off of this.off) off();
  }

  // -- the page ---------------------------------------------------------------------------------------------

  #build(root) {
    this.lanes = new Lanes(this.head, (line) => this.go(line), this.uid);
    this.bar = new PolicyBar(this.policies, (policy, property) => this.choose(policy, property));
    this.schedule = new Schedule(this);
    this.panels = new Panels(this);
    this.top = new Head(this);
    this.says = h("p", { class: "says" });
    this.why = h("p", { class: "why" });
    const run = [this.#player(), this.says, this.lanes.el, this.schedule.el, this.why];
    this.main = h("div", { class: "main" }, h("div", { class: "left" }, run), this.panels.el);
    this.section = h(
      "section",
      {
        class: "tx",
        tabindex: -1,
        "aria-label": `explorer: ${this.head.case.title}`,
        onkeydown: (event) => this.#key(event),
        onpointerdown: (event) => this.#outside(event),
      },
      [this.top.el, this.bar.el, this.main, this.#about()],
    );
    root.replaceChildren(h("style", {}, this.host.css), this.section);
  }

  #player() {
    const press = (key, words, label, go) => button(key, go, { "aria-label": label, title: label }, words);
    this.count = h("output", { class: "count" });
    this.paired = press("pair", "side by side", "side by side: two policies on one schedule", () =>
      this.togglePair(),
    );
    const { undone, redone, finished } = this.schedule;
    return roving(
      h(
        "div",
        { class: "player", role: "toolbar", "aria-label": "steps" },
        press("first", "⇤", "to the start (Home)", () => this.go(0)),
        press("effect-back", "«", "back to the effect before (K)", () => this.effect(-1)),
        press("back", "‹", "one step back (k)", () => this.go(this.at - 1)),
        this.count,
        press("on", "›", "one step on (j)", () => this.go(this.at + 1)),
        press("effect-on", "»", "on to the next effect (J)", () => this.effect(1)),
        press("last", "⇥", "to the end (End)", () => this.go(Infinity)),
        [finished, undone, redone, this.paired],
      ),
    );
  }

  #about() {
    const { asks, bounds, scenario, sources = [] } = this.head.case;
    const { size, unread, tux } = this.head;
    const source = ({ text, url }) =>
      h("li", {}, url ? h("a", { href: url, rel: "noreferrer" }, text) : text);
    const keys =
      "Keys: arrows or j and k go step by step, J and K from effect to effect, Home and End to the ends; "
      + "u and r undo and redo a step of your own.";
    const told = [asks, bounds, size?.told, unread, this.host.lab ? "" : tux?.lab, keys].filter(Boolean);
    return h(
      "details",
      { class: "about" },
      h("summary", {}, "The scenario, what this leaves out, sources, keys"),
      scenario
        ? h("pre", { tabindex: 0, role: "region", "aria-label": "the scenario as columns" }, scenario)
        : null,
      told.map((text) => h("p", {}, text)),
      h("ul", {}, sources.map(source)),
    );
  }

  // -- what the reader does -----------------------------------------------------------------------------------

  #key(event) {
    const el = /** @type {HTMLElement} */ (event.target);
    const typing = el.matches("select, textarea, input");
    if (typing || event.altKey || event.ctrlKey || event.metaKey) return;
    if (el.matches(".graph") && event.key.startsWith("Arrow")) return;
    const by = { j: 1, k: -1, ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const others = {
      J: () => this.effect(1),
      K: () => this.effect(-1),
      Home: () => this.go(0),
      End: () => this.go(Infinity),
      u: () => this.schedule.undo(),
      r: () => this.schedule.redo(),
    };
    if (by) this.go(this.at + by);
    else if (others[event.key]) others[event.key]();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #outside(event) {
    if (this.bar.open && !event.composedPath().includes(this.bar.el)) this.bar.close();
  }

  /** What links and the kernel know of the view; no step: the end. @returns {State} */
  here() {
    const atEnd = this.at === this.lanes.lines.length;
    return { ...this.state, property: this.property(), step: atEnd ? null : this.#states()[this.mine()] };
  }

  /** @param {Object<string, string>} policy @param {string|null} [property] */
  choose(policy, property) {
    if (!this.policies.has(this.head.all, policy)) {
      this.say(`No such policy: ${this.policies.whyNot(policy)}.`);
      return;
    }
    this.say("");
    this.state = { policy, property: property ?? this.state.property, step: null };
    this.#ask(true);
  }

  setProperty(property) {
    this.say("");
    this.state = { ...this.state, property, step: null };
    this.#ask(true);
  }

  /** Go to where so many lines have passed. @param {number} line */
  go(line) {
    this.at = Math.max(0, Math.min(line, this.lanes.lines.length));
    this.paint();
    this.host.save(this.here(), false);
  }

  /** To the next step that has an effect, or to the end. @param {1|-1} way */
  effect(way) {
    const { lines, sides } = this.lanes;
    const has = (line) => lines[line - 1]?.steps.some((k, n) => k >= 0 && sides[n].run.steps[k][1]);
    let line = this.at + way;
    while (line > 0 && line < lines.length && !has(line)) line += way;
    this.go(line);
  }

  async togglePair() {
    this.pair = !this.pair;
    if (this.pair && !this.#partner()) {
      const found = await this.#against().catch(failed);
      this.other = found.error ? null : found;
      this.pair = Boolean(this.#partner());
      if (!this.pair) this.say(found.error || this.head.tux.lab);
    }
    this.draw();
  }

  // -- asking -------------------------------------------------------------------------------------------------

  /** The property whose run is shown: the one chosen, else the first that the policy breaks. */
  property() {
    const { property, policy } = this.state;
    const { start, properties } = this.head;
    return property ?? this.policies.broken(policy)[0] ?? start.property ?? properties[0]?.id ?? null;
  }

  /** Ask for the answer to the policy; one that comes after a newer question is dropped. */
  async #ask(push = false) {
    const { policy } = this.state;
    const property = this.property();
    this.section.setAttribute("aria-busy", "true");
    this.host.slow = (text) => this.say(text);
    const asked = (this.asked = Symbol("question"));
    const answer = await this.host.answer(policy, property).catch(failed);
    if (asked !== this.asked) return;
    this.section.removeAttribute("aria-busy");
    this.schedule.clear();
    this.other = null;
    if (answer.error) this.say(answer.error);
    else this.answer = answer;
    if (this.pair && !this.#partner()) this.other = await this.#against().catch(() => null);
    this.pair &&= Boolean(this.#partner());
    this.draw(this.state.step ?? Infinity);
    if (push) this.host.save({ policy, property, step: null }, true);
  }

  /** The answer with both sides of the same schedule, if there is one. */
  #partner() {
    const found = this.other ?? this.answer;
    const both = found?.reference != null && found.follow != null;
    const alike = !this.other && found?.broke && this.policies.same(found.broke, this.state.policy);
    return both && !alike ? found : null;
  }

  /** The schedule under the first of the chips that is another policy, where the policy is the one that broke. */
  async #against() {
    const { policy } = this.state;
    const other = ({ kind, policy: one }) => kind !== "start" && !this.policies.same(one, policy);
    const against = this.head.chips.find(other)?.policy ?? this.head.start.policy;
    const answer = await this.host.compare(policy, against, this.property());
    return { ...answer, against };
  }

  #reload() {
    const { state, trouble } = this.host.load();
    this.state = state;
    this.say(trouble);
    this.#ask();
  }

  /** May the policy take what this set may? In JupyterLab an answer speaks of one policy. */
  may(set) {
    return this.host.lab ? Boolean(set) : this.policies.has(set, this.state.policy);
  }

  // -- painting -----------------------------------------------------------------------------------------------

  /** @param {string} text */
  say(text) {
    this.top.say(text);
  }

  /** The runs on show. @returns {Side[]} */
  #sides() {
    const { policies, answer } = this;
    if (answer?.run == null) return [];
    const property = this.property();
    const side = (from, run, policy, title) => {
      const verdict = policy ? policies.verdict(policy, property) : "VIOLATED";
      return { tables: from.tables, run: from.tables.runs[run], title, verdict };
    };
    const both = this.pair && !this.schedule.own ? this.#partner() : null;
    if (!both) return [side(answer, answer.run, this.state.policy, policies.told(this.state.policy))];
    const right = both.against ?? this.state.policy;
    return [
      side(both, both.reference, both.broke, both.broke ? policies.told(both.broke) : both.name),
      side(both, both.follow, right, policies.told(right)),
    ];
  }

  /** Draw the runs, and paint where the reader is in them. @param {number} [at] */
  draw(at = Infinity) {
    const sides = this.#sides();
    this.bar.show(this.state.policy);
    if (sides.length) this.lanes.draw(sides, this.property());
    this.main.classList.toggle("paired", this.lanes.sides.length > 1);
    this.paired.setAttribute("aria-pressed", String(this.lanes.sides.length > 1));
    this.at = Math.max(0, Math.min(at, this.lanes.lines.length));
    this.paint();
    if (sides.length > 1) this.lanes.showDifference();
  }

  /** The states of the sides where the reader is. @returns {number[]} */
  #states() {
    return this.at ? this.lanes.lines[this.at - 1].after : this.lanes.sides.map(() => 0);
  }

  /** The side of the policy that the reader has chosen. */
  mine() {
    return this.other && this.lanes.sides.length > 1 ? 0 : this.lanes.sides.length - 1;
  }

  /** What the reader sees of each side. @returns {Seen[]} */
  seen() {
    const states = this.#states();
    return this.lanes.sides.map((side, n) => {
      const was = this.at > 1 ? this.lanes.lines[this.at - 2].after[n] : 0;
      const view = (state) => side.tables.views[side.run.states[state]];
      const { mark, since } = markAt(side.run, side.tables, this.property(), states[n]);
      const before = this.at ? view(was) : null;
      return { side, state: states[n], view: view(states[n]), before, mark, since };
    });
  }

  paint() {
    this.top.paint();
    const seen = this.seen();
    if (!seen.length) return;
    this.lanes.show(
      this.at,
      seen.map(({ since }) => since),
    );
    this.count.textContent = `step ${this.at} of ${this.lanes.lines.length}`;
    this.#paintSays(seen);
    this.panels.paint(seen);
    this.schedule.paint(seen);
    this.why.textContent = this.schedule.own ? "A schedule of your own." : seen[this.mine()].side.run.why;
  }

  /** What the last step does, on each side where it is another one. @param {Seen[]} seen */
  #paintSays(seen) {
    const line = this.at ? this.lanes.lines[this.at - 1] : null;
    const steps = seen.map(({ side: { run, tables } }, n) => tables.steps[run.steps[line?.steps[n]]?.[0]]);
    const told = [...new Set(steps.filter(Boolean))].map(({ actor, op, says, kernel }) =>
      h("span", {}, h("b", {}, actor), op ? ` (${op})` : "", `: ${says} `, h("small", {}, kernel)),
    );
    this.says.title = told.map(({ textContent }) => textContent).join("\n");
    this.says.replaceChildren(...(told.length ? told : ["The start: nothing has happened yet."]));
  }
}

/** A sentence where no explorer can be shown; what stands in the page without scripts stays. */
function sorry(root, css, text) {
  const alert = h("p", { class: "trouble", role: "alert" }, text);
  root.replaceChildren(h("style", {}, css), h("section", { class: "tx" }, alert, h("slot")));
  return () => {};
}

/** Show an explorer in an element. @param {HTMLElement} el @param {Host} host @param {boolean} [chosen] */
export function mount(el, host, chosen = false) {
  const root = el.shadowRoot ?? el.attachShadow({ mode: "open" });
  el.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab leaves j, k and the arrows to us
  const { head, css } = host;
  if (!head?.case) return sorry(root, css, host.load().trouble || "There is nothing to show.");
  if (head.version !== VERSION) return failedIn(el, css, new Error(OTHER));
  const explorer = new Explorer(root, host);
  if (chosen) all(root, "select")[0]?.focus(); // the reader has just chosen this case
  return () => explorer.destroy();
}

/** @param {HTMLElement} el @param {string} css @param {unknown} error */
export function failedIn(el, css, error) {
  const root = el.shadowRoot ?? el.attachShadow({ mode: "open" });
  return sorry(root, css, `The explorer cannot be shown: ${/** @type {any} */ (error)?.message ?? error}.`);
}
