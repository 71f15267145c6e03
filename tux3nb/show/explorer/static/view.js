// The explorer: head, policy, lanes, bytes, and what stands beside them. It asks its host and paints the answer.

import { bytes, markAt } from "./bytes.js";
import { SAID, all, button, h, look, plural, refill, roving, sign } from "./dom.js";
import { lattice, matrix } from "./elsewhere.js";
import { Graph } from "./graph.js";
import { Lanes } from "./lanes.js";
import { Policies } from "./policies.js";
import { PolicyBar } from "./policy.js";
import { columns, copy, picture, python, savePng, saveSvg } from "./save.js";

/** @typedef {import("./types.js").Host} Host */
/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Answer} Answer */
/** @typedef {import("./lanes.js").Side} Side */

const TABS = [
  ["bytes", "Bytes"],
  ["graph", "Graph"],
  ["matrix", "Named policies"],
  ["lattice", "Least safe"],
];
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
    this.tab = "bytes";
    this.pair = false;
    this.own = false;
    /** @type {any[]} */
    this.trail = [];
    /** @type {any[]} */
    this.ahead = [];
    this.at = 0;
    this.#build(root);
    this.say(trouble);
    this.off = [this.#followTheme(), host.onLoad(() => this.#reload()), () => this.lanes.destroy()];
    this.#ask();
  }

  destroy() {
    for (const off of this.off) off();
  }

  // -- the page -------------------------------------------------------------------------------------------------

  #build(root) {
    this.lanes = new Lanes(this.head, (line) => this.go(line), this.uid);
    this.bar = new PolicyBar(this.policies, (policy, property) => this.choose(policy, property));
    this.graph = new Graph(this.head.graph);
    this.parts = {
      verdict: h("p", { class: "verdict", role: "status" }),
      trouble: h("p", { class: "trouble", role: "alert" }),
      says: h("p", { class: "says" }),
      count: h("output", { class: "count" }),
      ends: h("div", { class: "ends" }),
      why: h("p", { class: "why" }),
      bars: h("div", { class: "bars", role: "toolbar" }),
      panel: h("div", { class: "panel", role: "tabpanel", id: `${this.uid}-panel` }),
      text: h("div", { class: "text" }),
    };
    this.parts.bars.setAttribute("aria-label", "properties along the run");
    roving(this.parts.bars);
    this.main = h(
      "div",
      { class: "main" },
      h(
        "div",
        { class: "left" },
        this.#player(),
        this.parts.says,
        this.lanes.el,
        this.parts.ends,
        this.parts.why,
      ),
      h("div", { class: "side" }, this.#tabs(), this.parts.panel, this.parts.bars),
    );
    this.section = h(
      "section",
      {
        class: "tx",
        tabindex: -1,
        "aria-label": `explorer: ${this.head.case.title}`,
        onkeydown: (event) => this.#key(event),
        onpointerdown: (event) => this.#outside(event),
      },
      this.#head(),
      this.bar.el,
      this.main,
      this.#about(),
    );
    root.replaceChildren(h("style", {}, this.host.css), this.section);
    this.#theme();
  }

  #head() {
    const { title, asks } = this.head.case;
    const name = this.#cases() ?? h("h3", {}, title);
    return h(
      "header",
      {},
      h("div", { class: "top" }, name, h("span", { class: "asks" }, asks), this.#tools()),
      this.parts.verdict,
      this.parts.trouble,
      this.parts.text,
    );
  }

  /** The choice of cases, by family; null where there is none. */
  #cases() {
    const { cases = [], choose } = this.host;
    if (cases.length < 2) return null;
    const option = ({ name, title, verdict }) =>
      h(
        "option",
        { value: name, selected: name === this.head.case.name },
        `${name}: ${title} (${SAID[verdict] ?? verdict})`,
      );
    const families = [...new Set(cases.map(({ family }) => family))];
    const inside = families.map((family) =>
      h("optgroup", { label: family }, cases.filter((one) => one.family === family).map(option)),
    );
    return h(
      "label",
      { class: "cases" },
      h("b", {}, "Case"),
      h("select", { "data-key": "case", onchange: (e) => choose(e.target.value) }, inside),
    );
  }

  #tools() {
    const copies = (key, words, make) => button(key, () => this.#copied(make()), {}, words);
    const saves = () => savePng(this.#picture(), this.#name()).catch((error) => this.say(String(error)));
    return roving(
      h(
        "div",
        { class: "tools", role: "toolbar", "aria-label": "copy and save" },
        "copy ",
        copies("link", "link", () => this.host.link(this.here())),
        copies("python", "Python", () => python(this.policies, this.here())),
        copies("columns", "columns", () => this.#columns()),
        " save ",
        button("svg", () => saveSvg(this.#picture(), this.#name()), {}, "SVG"),
        button("png", saves, {}, "PNG"),
      ),
    );
  }

  #player() {
    const press = (key, words, label, go) => button(key, go, { "aria-label": label, title: label }, words);
    this.buttons = {
      undo: press("undo", "undo", "undo your step (u)", () => this.undo()),
      redo: press("redo", "redo", "redo your step (r)", () => this.redo()),
      finish: press("finish", "go on", "go on as the shortest run", () => this.finish()),
      pair: press("pair", "side by side", "two policies on one schedule", () => this.togglePair()),
    };
    return roving(
      h(
        "div",
        { class: "player", role: "toolbar", "aria-label": "steps" },
        press("first", "⇤", "to the start (Home)", () => this.go(0)),
        press("effect-back", "«", "back to the effect before (K)", () => this.effect(-1)),
        press("back", "‹", "one step back (k)", () => this.go(this.at - 1)),
        this.parts.count,
        press("on", "›", "one step on (j)", () => this.go(this.at + 1)),
        press("effect-on", "»", "on to the next effect (J)", () => this.effect(1)),
        press("last", "⇥", "to the end (End)", () => this.go(Infinity)),
        Object.values(this.buttons),
      ),
    );
  }

  #tabs() {
    this.tabs = TABS.map(([id, words]) =>
      button(
        `tab-${id}`,
        () => this.#show(id),
        { role: "tab", id: `${this.uid}-${id}`, "aria-controls": `${this.uid}-panel`, "data-tab": id },
        words,
      ),
    );
    return roving(h("div", { class: "tabs", role: "tablist", "aria-label": "what to see" }, this.tabs));
  }

  #about() {
    const { bounds, sources = [] } = this.head.case;
    const { size, unread, tux } = this.head;
    return h(
      "details",
      { class: "about" },
      h("summary", {}, "What this leaves out, sources, keys"),
      h("p", {}, bounds),
      h("p", {}, size?.told),
      h("p", {}, unread),
      this.host.lab ? null : h("p", {}, tux?.lab),
      h(
        "ul",
        {},
        sources.map(({ text, url }) =>
          h("li", {}, url ? h("a", { href: url, rel: "noreferrer" }, text) : text),
        ),
      ),
      h(
        "p",
        {},
        "Keys: arrows or j and k go step by step, J and K from effect to effect, Home and End to the ends; ",
        "u and r undo and redo a step of your own.",
      ),
    );
  }

  // -- what the reader does -------------------------------------------------------------------------------------

  #key(event) {
    const el = /** @type {HTMLElement} */ (event.target);
    if (event.altKey || event.ctrlKey || event.metaKey || el.matches("select, textarea, input")) return;
    const steps = { j: 1, k: -1, ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    const others = {
      J: () => this.effect(1),
      K: () => this.effect(-1),
      Home: () => this.go(0),
      End: () => this.go(Infinity),
      u: () => this.undo(),
      r: () => this.redo(),
    };
    const scrolls = el.matches(".graph, .scroll") && event.key.startsWith("Arrow");
    if (scrolls) return;
    if (event.key in steps) this.go(this.at + steps[event.key]);
    else if (event.key in others) others[event.key]();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #outside(event) {
    if (this.bar.open && !event.composedPath().includes(this.bar.el)) this.bar.close();
  }

  /** What the links and the kernel know of the view. @returns {State} */
  here() {
    const step = this.at === this.lanes.lines.length ? null : this.#states().at(-1);
    return { ...this.state, property: this.property(), step };
  }

  /** @param {Object<string, string>} policy @param {string|null} [property] */
  choose(policy, property) {
    if (!this.policies.has(this.head.all, policy)) {
      return this.say(`No such policy: ${this.policies.whyNot(policy)}.`);
    }
    this.say("");
    this.state = { policy, property: property ?? this.state.property, step: null };
    this.#ask(true);
    return undefined;
  }

  setProperty(property) {
    this.say("");
    this.state = { ...this.state, property, step: null };
    this.#ask(true);
  }

  go(line) {
    this.at = Math.max(0, Math.min(line, this.lanes.lines.length));
    this.#paint();
    this.host.save(this.here(), false);
  }

  /** To the next step that has an effect, or to the end. */
  effect(way) {
    const { lines, sides } = this.lanes;
    const has = (line) => lines[line - 1]?.steps.some((k, n) => k >= 0 && sides[n].run.steps[k][1]);
    let line = this.at + way;
    while (line > 0 && line < lines.length && !has(line)) line += way;
    this.go(line);
  }

  async togglePair() {
    this.pair = !this.pair;
    if (this.own) return this.#ask();
    if (this.pair && !this.#partner()) {
      const found = await this.#against().catch(failed);
      if (found.error || found.reference == null || found.follow == null) {
        this.pair = false;
        return this.say(found.error || this.head.tux.lab);
      }
      this.other = found;
    }
    return this.#draw();
  }

  // -- a schedule of one's own --------------------------------------------------------------------------------------

  /** @returns {import("./types.js").Own} */
  #ownSoFar() {
    const [side] = this.#sides();
    return {
      policy: this.state.policy,
      property: this.property(),
      answer: this.answer,
      run: side.run,
      at: this.at,
    };
  }

  /** Take a step that the view offers: along the run where it is the run's, else on a schedule of one's own. */
  async take(next) {
    const { run, at } = this.#ownSoFar();
    const along =
      run.steps[at] && run.steps[at][0] === next[0] && (next[1] < 0 || run.states[at + 1] === next[1]);
    if (along) return this.go(at + 1);
    return this.#branch(() => this.host.step(this.#ownSoFar(), next));
  }

  finish() {
    return this.#branch(() => this.host.finish(this.#ownSoFar()));
  }

  async #branch(ask) {
    const was = this.#kept();
    const answer = await ask().catch(failed);
    if (answer.error) return this.say(answer.error);
    this.trail.push(was);
    this.ahead = [];
    this.#take({ answer, own: true, at: Infinity });
    return undefined;
  }

  #kept() {
    return { answer: this.answer, own: this.own, at: this.at };
  }

  #take({ answer, own, at }) {
    Object.assign(this, { answer, own, pair: false });
    this.#draw(at);
  }

  undo() {
    if (!this.trail.length) return;
    this.ahead.push(this.#kept());
    this.#take(this.trail.pop());
  }

  redo() {
    if (!this.ahead.length) return;
    this.trail.push(this.#kept());
    this.#take(this.ahead.pop());
  }

  // -- asking ---------------------------------------------------------------------------------------------------

  /** The property whose run is shown: the one chosen, else the first that the policy breaks. */
  property() {
    const { property, policy } = this.state;
    const { start, properties } = this.head;
    return property ?? this.policies.broken(policy)[0] ?? start.property ?? properties[0]?.id ?? null;
  }

  /** Ask for the answer to the policy; one that comes after a newer question is dropped. @param {boolean} [push] */
  async #ask(push = false) {
    const { policy } = this.state;
    const property = this.property();
    if (push) this.host.save({ policy, property, step: null }, true);
    this.section.setAttribute("aria-busy", "true");
    this.host.slow = (text) => this.say(text);
    const asked = (this.asked = Symbol("question"));
    const answer = await this.host.answer(policy, property).catch(failed);
    if (asked !== this.asked) return;
    this.section.removeAttribute("aria-busy");
    Object.assign(this, { own: false, trail: [], ahead: [], other: null });
    if (answer.error) this.say(answer.error);
    if (answer.tables) this.answer = answer;
    if (this.pair && !this.#partner()) this.other = await this.#against().catch(() => null);
    this.pair &&= Boolean(this.#partner());
    this.#draw(this.state.step ?? Infinity);
  }

  /** The answer with both sides of the same schedule, if there is one. */
  #partner() {
    const found = this.other ?? this.answer;
    return found?.reference != null && found.follow != null && found.reference !== found.follow
      ? found
      : null;
  }

  /** The schedule under the first of the least safe policies, where the policy is the one that broke. */
  #against() {
    const least = this.head.chips.find(
      ({ kind, policy }) => kind === "least" && !this.policies.same(policy, this.state.policy),
    );
    const against = least?.policy ?? this.head.start.policy;
    return this.host
      .compare(this.state.policy, against, this.property())
      .then((answer) => ({
        ...answer,
        against: this.policies.told(against),
        verdict: this.policies.verdict(against, this.property()),
      }));
  }

  #reload() {
    const { state, trouble } = this.host.load();
    this.state = state;
    this.say(trouble);
    this.#ask();
  }

  // -- painting -------------------------------------------------------------------------------------------------

  /** A sentence for the head about what went wrong; "" takes it away. @param {string} text */
  say(text) {
    this.parts.trouble.textContent = text;
    this.parts.text.replaceChildren();
  }

  /** The runs on show. @returns {Side[]} */
  #sides() {
    const { answer } = this;
    if (!answer) return [];
    const property = this.property();
    const side = (tables, run, title, verdict) => ({ tables, run: tables.runs[run], title, verdict });
    const found = this.pair && !this.own ? this.#partner() : null;
    if (found) {
      const left = this.head.named.find(({ id }) => id === found.name);
      const broke = left ? this.policies.verdict(left.policy, property) : "VIOLATED";
      const { against = this.policies.told(this.state.policy) } = found;
      const verdict = found.verdict ?? this.policies.verdict(this.state.policy, property);
      return [
        side(found.tables, found.reference, found.name ?? "", broke),
        side(found.tables, found.follow, against, verdict),
      ];
    }
    if (answer.run == null) return [];
    return [
      side(
        answer.tables,
        answer.run,
        this.policies.told(this.state.policy),
        this.policies.verdict(this.state.policy),
      ),
    ];
  }

  /** @param {number} [at] */
  #draw(at = Infinity) {
    const sides = this.#sides();
    this.bar.show(this.state.policy);
    this.main.classList.toggle("paired", sides.length > 1);
    this.buttons.pair.setAttribute("aria-pressed", String(sides.length > 1));
    if (sides.length) this.lanes.draw(sides, this.property());
    this.at = Math.max(0, Math.min(at, this.lanes.lines.length));
    this.#paint();
  }

  /** The states of the sides where the reader is. @returns {number[]} */
  #states() {
    return this.at ? this.lanes.lines[this.at - 1].after : (this.lanes.sides ?? []).map(() => 0);
  }

  #paint() {
    const { sides } = this.lanes;
    this.#paintVerdict();
    if (!sides) return;
    const states = this.#states();
    const marks = sides.map(({ run, tables }, n) => markAt(run, tables, this.property(), states[n]));
    this.lanes.show(
      this.at,
      marks.map(({ since }) => since),
    );
    this.parts.count.textContent = `step ${this.at} of ${this.lanes.lines.length}`;
    this.#paintSays(sides, states);
    this.#paintPanel(sides, states, marks);
    this.#paintBars(sides.at(-1), states.at(-1));
    this.#paintEnds(sides, states, marks[0].mark);
    this.buttons.undo.hidden = !this.trail.length && !this.ahead.length;
    this.buttons.redo.hidden = this.buttons.undo.hidden;
    this.buttons.finish.hidden = sides.length > 1;
    this.parts.why.textContent = this.own ? "A schedule of your own." : sides.at(-1).run.why;
  }

  #paintVerdict() {
    const verdict = this.policies.verdict(this.state.policy);
    const property = this.property();
    const kept = this.policies.verdict(this.state.policy, property);
    const others = this.policies.broken(this.state.policy).filter((id) => id !== property);
    const show =
      others.length && kept !== "VIOLATED"
        ? [
            ` ${others[0]} is broken: `,
            button("show", () => this.setProperty(others[0]), { class: "show" }, `show ${others[0]}`),
          ]
        : [];
    this.parts.verdict.className = `verdict ${look(verdict)}`;
    refill(
      this.parts.verdict,
      sign(verdict, true),
      h("b", {}, ` ${verdict ?? SAID.NONE} `),
      h("span", { class: "sentence" }, this.#sentence(property, kept)),
      show,
    );
  }

  /** What there is to say of a property under the policy, in the names on the screen. */
  #sentence(property, verdict) {
    const [side] = this.lanes.sides ?? [];
    const marks = side?.run.bars?.[property]?.filter(([, mark]) => mark) ?? [];
    const said = this.head.said[verdict] ?? {};
    if (verdict !== "VIOLATED") return said[property] ?? said.all ?? "";
    return marks.length ? side.tables.marks[marks.at(-1)[1]].sentence : `${property} is broken.`;
  }

  #paintSays(sides, states) {
    const { parts, at } = this;
    const n = this.at ? this.lanes.lines[at - 1].steps.findLastIndex((k) => k >= 0) : 0;
    const step = at ? sides[n].tables.steps[sides[n].run.steps[states[n] - 1][0]] : null;
    parts.says.replaceChildren(
      ...(step
        ? [
            h("b", {}, step.actor),
            step.op ? ` (${step.op})` : "",
            `: ${step.says} `,
            h("small", {}, step.kernel ?? ""),
          ]
        : ["The start: nothing has happened yet."]),
    );
  }

  #show(tab) {
    this.tab = tab;
    this.#paint();
  }

  #paintPanel(sides, states, marks) {
    for (const tab of this.tabs) {
      tab.setAttribute("aria-selected", String(tab.dataset.tab === this.tab));
      if (tab.dataset.tab === this.tab) this.parts.panel.setAttribute("aria-labelledby", tab.id);
    }
    const choose = (policy, property) => this.choose(policy, property);
    const link = (policy, property) => this.host.link({ policy, property, step: null });
    const draw = {
      bytes: () => this.#tables(sides, states, marks),
      graph: () => this.#graphs(sides, states, marks),
      matrix: () => matrix(this.policies, this.state.policy, choose, link),
      lattice: () => lattice(this.policies, this.state.policy, choose, link),
    };
    const elsewhere = this.tab === "matrix" || this.tab === "lattice";
    const key = `${this.tab} ${this.policies.told(this.state.policy)}`;
    if (!elsewhere || this.drawn !== key) refill(this.parts.panel, draw[this.tab]());
    this.drawn = key;
    this.main.dataset.tab = this.tab;
  }

  #tables(sides, states, marks) {
    return sides.map((side, n) => {
      const told = states[n] ? `after step ${states[n]}` : "at the start";
      const whose = sides.length > 1 ? `${side.title}: ` : "";
      const view = this.#view(side, states[n]);
      return h(
        "div",
        { class: "one" },
        bytes(
          side.tables,
          view,
          this.#before(side, states[n], n),
          marks[n].mark,
          `${whose}where the bytes are, and who looks there, ${told}`,
        ),
        h("p", { class: "notes" }, view.notes.join(" · ")),
      );
    });
  }

  #graphs(sides, states, marks) {
    const side = sides.at(-1);
    const state = states.at(-1);
    this.graph.show(this.#view(side, state), this.#before(side, state, sides.length - 1), marks.at(-1).mark);
    return [this.graph.el];
  }

  #view(side, state) {
    return side.tables.views[side.run.states[state]];
  }

  /** The view before the last line, null where that line did nothing on this side. */
  #before(side, state, n) {
    const was = this.at > 1 ? this.lanes.lines[this.at - 2].after[n] : 0;
    return this.at ? this.#view(side, Math.min(was, state)) : null;
  }

  #paintBars(side, state) {
    const { policy } = this.state;
    const total = Math.max(1, side.run.steps.length);
    const bar = ({ id, title }) => {
      const { since } = markAt(side.run, side.tables, id, state);
      const verdict = this.policies.verdict(policy, id);
      const share = since == null ? 100 : (100 * since) / total;
      const told =
        since != null
          ? `broken after ${since}`
          : verdict === "VIOLATED"
            ? "broken in another run"
            : SAID[verdict];
      return button(
        `bar-${id}`,
        () => this.setProperty(id),
        { class: "prop", title, "aria-pressed": String(id === this.property()) },
        sign(verdict, true),
        h("span", { class: "id" }, id),
        h(
          "span",
          { class: "strip" },
          h("i", { class: "kept", style: `width: ${share}%` }),
          h("i", { class: "lost", style: `width: ${100 - share}%` }),
          h("i", { class: "cursor", style: `left: ${(100 * state) / total}%` }),
        ),
        h("span", { class: "told" }, told ?? ""),
      );
    };
    refill(this.parts.bars, this.head.properties.map(bar));
  }

  /** At the end of each lane: what it may do next, or what says no. */
  #paintEnds(sides, states, mark) {
    this.parts.ends.hidden = sides.length > 1;
    if (sides.length > 1) return;
    const [side] = sides;
    const view = this.#view(side, states[0]);
    const enabled = view.next.filter(([, , set]) => this.#may(set));
    const lane = ({ id, title }, n) => {
      const mine = enabled.filter(([step]) => side.tables.steps[step].actor === id);
      const why = view.stuck.filter(
        ([actor, , , set]) => this.head.actors[actor].id === id && this.#may(set),
      );
      const broken = mark?.places.some((place) => place.actor === id) ? "broken" : "";
      return h(
        "div",
        { class: `end ${broken}`, style: `grid-column: ${n + 1}`, "aria-label": title, role: "group" },
        mine.length
          ? mine.map((next, k) => this.#next(side, next, `next-${id}-${k}`))
          : why.map((one) => this.#stuck(side, one)),
      );
    };
    refill(
      this.parts.ends,
      h("span", { class: "num", title: "what may come next" }, "next"),
      h("div", { class: "half" }, this.lanes.actors.map(lane)),
    );
    this.parts.ends.style.setProperty("--lanes", this.lanes.el.style.getPropertyValue("--lanes"));
  }

  #may(set) {
    return this.host.lab ? Boolean(set) : this.policies.has(set, this.state.policy);
  }

  #next(side, next, key) {
    const step = side.tables.steps[next[0]];
    const words = side.tables.texts[next[3]] || step.op || step.rule.replaceAll("_", " ");
    const gone = next[1] < 0 && !this.host.lab;
    return button(
      key,
      () => this.take(next),
      { title: gone ? this.head.tux?.lab : step.says, disabled: gone },
      words,
    );
  }

  #stuck(side, [, step, why]) {
    const said = typeof why === "number" ? side.tables.texts[why] : why;
    return h("span", { class: "stuck", title: side.tables.steps[step]?.says }, said);
  }

  // -- copy and save ----------------------------------------------------------------------------------------------

  #name() {
    const { property, step } = this.here();
    return [this.head.case.name, this.policies.told(this.state.policy), property, step ?? "end"]
      .join("-")
      .replace(/\W+/g, "-");
  }

  #columns() {
    const side = this.lanes.sides.at(-1);
    const { textContent } = this.parts.verdict;
    return columns(this.head, side, [
      `${this.head.case.name}: ${this.head.case.title}`,
      `policy ${this.policies.told(this.state.policy)}`,
      textContent.trim(),
      this.host.link(this.here()),
    ]);
  }

  #picture() {
    if (this.tab === "graph") return /** @type {any} */ (this.graph.svg);
    const side = this.lanes.sides.at(-1);
    const state = this.#states().at(-1);
    const { mark } = markAt(side.run, side.tables, this.property(), state);
    return picture(
      this.head,
      side,
      state,
      this.#view(side, state),
      mark,
      this.parts.verdict.textContent.trim(),
    );
  }

  async #copied(words) {
    if (await copy(words))
      return this.say(`Copied: ${words.length > 90 ? plural(words.split("\n").length, "line") : words}`);
    this.say("The browser does not let a page copy; here is the text:");
    const area = h("textarea", {
      readonly: true,
      "aria-label": "text to copy",
      rows: Math.min(8, words.split("\n").length),
    });
    area.value = words;
    this.parts.text.replaceChildren(area);
    return area.select();
  }

  // -- dark and light: the page's scheme, or that of JupyterLab or VS Code ----------------------------------------------

  #theme() {
    const { classList, dataset } = document.body;
    const lab =
      dataset.jpThemeLight
      ?? (/vscode-/.test(document.body.className) ? String(!classList.contains("vscode-dark")) : "");
    const dark = this.host.lab && lab ? lab === "false" : matchMedia("(prefers-color-scheme: dark)").matches;
    this.section.classList.toggle("dark", dark);
  }

  #followTheme() {
    const media = matchMedia("(prefers-color-scheme: dark)");
    const again = () => this.#theme();
    const observer = new MutationObserver(again);
    media.addEventListener("change", again);
    observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
    return () => {
      media.removeEventListener("change", again);
      observer.disconnect();
    };
  }
}

/** Show an explorer in an element. @param {HTMLElement} el @param {Host} host @param {boolean} [chosen]  by its case */
export function mount(el, host, chosen = false) {
  const root = el.shadowRoot ?? el.attachShadow({ mode: "open" });
  el.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab leaves j, k and the arrows to us
  if (!host.head?.case) {
    const text = host.load().trouble || "There is nothing to show.";
    root.replaceChildren(
      h("style", {}, host.css),
      h("section", { class: "tx" }, h("p", { class: "trouble", role: "alert" }, text)),
    );
    return () => {};
  }
  const explorer = new Explorer(root, host);
  if (chosen) all(root, "select")[0]?.focus();
  return () => explorer.destroy();
}
