// The explorer. One ES module, two hosts: an anywidget in JupyterLab, where the kernel answers, and <tux-explorer> in a
// plain page, where an embedded table answers. `mount(el, host)` is all there is between them.

/** @typedef {number | [string, ...any]} Expr   an integer or ["f", field], ["==", a, b], ["and", ...], ... */
/** @typedef {string | Expr} Text               a string, an Expr, ["cat", ...], ["name", Expr, names], ["if", Expr, Text, Text] */
/** @typedef {{id: string, kind: string, when: Expr, text: Text[], title: Text, look?: Text, ghost?: 1}} Row */
/** @typedef {{on: boolean, look: string, text: string[], title: string}} Shown */
/** @typedef {{policy: Object<string, string>, property: string|null, step: number|null}} State */
/** @typedef {{class: any, runs: any[], states: number[][], error?: string}} Answer */
/** @typedef {{verdict: string, rows: Object<string, string>}} Named */
/** @typedef {{cases: any[], chosen: boolean, choose: (name: string, mine?: boolean) => void}} Choice */
/**
 * @typedef {Object} Host
 * @property {any} head                                     the document without its classes, runs and states
 * @property {string} css
 * @property {() => State} load                             the state to start with
 * @property {(state: State) => void} save                  called after each change made here
 * @property {(policy: Object<string, string>) => Promise<Answer>} answer
 * @property {(listener: () => void) => () => void} onLoad  calls back when the state was changed elsewhere
 * @property {() => Promise<Object<string, Named>>} matrix   the named policies' verdicts by preset id
 * @property {{name: string, title: string, family: string, verdict: string}[]} [cases]  what else can be shown here
 * @property {(name: string) => void} [choose]              shows another of these
 * @property {boolean} [lab]                                dark or light is JupyterLab's choice, not the system's
 * @property {boolean} [cut]                                some runs were left out of the table
 */

// ---- the two languages of a picture; tux3nb/picture/evaluate.py has the same --------------------------------------

/** @type {Object<string, (a: number, b: number) => number>} */
const OPERATORS = {
  "==": (a, b) => Number(a === b),
  "!=": (a, b) => Number(a !== b),
  "<": (a, b) => Number(a < b),
  ">": (a, b) => Number(a > b),
  "+": (a, b) => a + b,
};

/** @param {Expr} expr @param {Map<string, number>} state @returns {number} */
export function number(expr, state) {
  if (typeof expr === "number") return expr;
  const [head, ...rest] = expr;
  switch (head) {
    case "f": return state.get(rest[0]) ?? 0;
    case "and": return Number(rest.every((part) => number(part, state)));
    case "or": return Number(rest.some((part) => number(part, state)));
    case "not": return Number(!number(rest[0], state));
    default: return OPERATORS[head](number(rest[0], state), number(rest[1], state));
  }
}

/** @param {Text} text @param {Map<string, number>} state @returns {string} */
export function words(text, state) {
  if (typeof text === "string") return text;
  const [head, ...rest] = Array.isArray(text) ? text : [null];
  if (head === "cat") return rest.map((part) => words(part, state)).join("");
  if (head === "if") return words(number(rest[0], state) ? rest[1] : rest[2], state);
  const value = number(head === "name" ? rest[0] : text, state);
  return (head === "name" && rest[1][value]) || String(value);
}

/** @param {Row[]} rows @param {string[]} fields @param {number[]} values @returns {Map<string, Shown>} */
export function evaluate(rows, fields, values) {
  const state = new Map(fields.map((name, k) => [name, values[k]]));
  return new Map(rows.map((row) => [row.id, {
    on: Boolean(number(row.when, state)),
    look: words(row.look ?? "", state),
    text: row.text.map((text) => words(text, state)),
    title: words(row.title, state),
  }]));
}

/** The picture in words, one sentence for each card that is there. @param {Row[]} rows @param {Map<string, Shown>} view */
export const describe = (rows, view) => rows.filter((row) => row.kind === "node" && view.get(row.id).on)
  .map((row) => view.get(row.id).title).filter(Boolean);

/** @param {string} fieldName @param {number} value @param {Object<string, string[]>} names */
const valueWords = (fieldName, value, names) => names?.[fieldName]?.[value] ?? String(value);

/** The look-up that the kernel does in Lab; document.py has the same. @returns {Answer} */
export function answerFrom(doc, policy) {
  const at = doc.index.features.reduce((sum, [id, values]) => sum * values.length + values.indexOf(policy[id]), 0);
  const entry = doc.classes[doc.index.class_of[at]];
  if (!entry) return { class: null, runs: [], states: [] };
  return { class: entry, runs: doc.runs, states: doc.states };
}

// ---- small helpers ----------------------------------------------------------------------------------------------

/** @template {keyof HTMLElementTagNameMap} T @param {T} tag @returns {HTMLElementTagNameMap[T]} */
function h(tag, props = {}, ...kids) {
  const el = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
    else if (value === true) el.setAttribute(key, "");
    else if (value !== false && value != null) el.setAttribute(key, value);
  }
  el.append(...kids.flat().filter((kid) => kid != null));
  return el;
}

/** What a selector finds; SVG elements too have a dataset. @param {ParentNode} el @param {string} selector @returns {HTMLElement[]} */
const all = (el, selector) => [...el.querySelectorAll(selector)].map((one) => /** @type {HTMLElement} */ (one));

const GLYPHS = { HOLDS: "✓", "HOLDS(refused)": "✓", VIOLATED: "✗", UNFINISHED: "?", "NOT PROMISED": "–" };
const verdictName = (verdict) => verdict.replace(/\(.*/, "").replace(/\W+/g, "-");
const glyph = (verdict) => GLYPHS[verdict] ?? GLYPHS[verdict.replace(/\(.*/, "")] ?? "•";
const badge = (verdict) => h("span", { class: `badge v-${verdictName(verdict)}` }, `${glyph(verdict)} ${verdict}`);
const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
const breakable = (name) => name.split(/(?<=_)/).flatMap((part, k) => (k ? [document.createElement("wbr"), part] : [part]));
let mounts = 0;

// ---- the picture ------------------------------------------------------------------------------------------------

/** Shows one state after the other in a laid-out SVG; nothing moves, elements are switched and texts are filled. */
class Picture {
  /** @param {{svg: string, elements: Row[]}} picture @param {string[]} fields */
  constructor(picture, fields) {
    this.rows = picture.elements;
    this.fields = fields;
    this.el = h("div", { class: "pic" });
    this.el.innerHTML = picture.svg;
    this.groups = new Map(all(this.el, "[data-id]").map((g) => [g.dataset.id, g]));
    this.texts = new Map(all(this.el, "[data-t]").map((t) => [t.dataset.t, t]));
    for (const group of this.groups.values()) group.dataset.css = group.getAttribute("class");
  }

  /** @param {number[]} values @param {number[]|null} before @returns {string[]} the picture in words */
  show(values, before) {
    const now = evaluate(this.rows, this.fields, values);
    const then = before ? evaluate(this.rows, this.fields, before) : null;
    for (const row of this.rows) this.#paint(row, now.get(row.id), then?.get(row.id));
    const said = describe(this.rows, now);
    this.el.querySelector("svg").setAttribute("aria-label", said.join(" "));
    return said;
  }

  /** @param {Row} row @param {Shown} now @param {Shown} [then] */
  #paint(row, now, then) {
    const group = this.groups.get(row.id);
    const hot = now.text.map((text, k) => Boolean(then) && text !== then.text[k]);
    const fresh = then && now.on && (!then.on || now.look !== then.look || hot.some(Boolean));
    const mark = then?.on && !now.on ? "gone" : fresh ? "chg" : "";
    const absent = now.on ? "" : row.ghost ? "ghost" : "absent";
    const css = [group.dataset.css, absent, mark, now.look && `s-${now.look}`].filter(Boolean).join(" ");
    group.setAttribute("class", css);
    now.text.forEach((text, k) => {
      const slot = this.texts.get(`${row.id}.${k}`);
      slot.textContent = text;
      slot.classList.toggle("chg", hot[k]);
    });
    const tip = this.texts.get(`${row.id}.tip`);
    if (tip) tip.textContent = now.title;
  }
}

// ---- the explorer -----------------------------------------------------------------------------------------------

class Explorer {
  /** @param {ShadowRoot} root @param {Host} host */
  constructor(root, host) {
    this.host = host;
    this.head = host.head;
    this.uid = `x${++mounts}`;
    this.state = this.#checked(host.load());
    this.answer = null;
    this.timer = 0;
    this.picture = new Picture(this.head.picture, this.head.fields);
    this.parts = this.#parts();
    this.marks = [];
    this.section = this.#skeleton();
    root.replaceChildren(h("style", {}, host.css), this.section);
    this.#theme();
    this.off = [this.#followTheme(), host.onLoad(() => this.#reload()), () => clearInterval(this.timer)];
    this.#ask();
  }

  /** A state from outside (a link, another view) with unknown features, values and properties replaced by the start's. @returns {State} */
  #checked(state) {
    const start = this.head.start;
    /** @type {Object<string, string>} */
    const policy = {};
    for (const { id, values } of this.head.features) {
      const wanted = state.policy?.[id];
      policy[id] = values.some((value) => value.id === wanted) ? wanted : start.policy[id];
    }
    const known = this.head.properties.some((p) => p.id === state.property);
    return { policy, property: known ? state.property : null, step: Number.isInteger(state.step) ? state.step : null };
  }

  destroy() {
    for (const off of this.off) off();
  }

  // -- what the user does ---------------------------------------------------------------------------------------

  setPolicy(change) {
    const run = this.run();
    const atEnd = !run || this.step() === run.steps.length;
    this.state = { ...this.state, policy: { ...this.state.policy, ...change } };
    if (atEnd) this.state.step = null;
    this.#ask();
  }

  setProperty(id) {
    this.state = { ...this.state, property: id, step: null };
    this.#changed();
  }

  setStep(step) {
    const run = this.run();
    if (!run) return;
    this.state.step = Math.max(0, Math.min(step, run.steps.length));
    this.#changed();
  }

  play(on = !this.timer) {
    clearInterval(this.timer);
    this.timer = 0;
    const run = this.run();
    if (on && run) {
      if (this.step() === run.steps.length) this.setStep(0);
      this.timer = setInterval(() => {
        this.setStep(this.step() + 1);
        if (this.step() === (this.run()?.steps.length ?? 0)) this.play(false);
      }, 1000);
    }
    this.parts.play.textContent = this.timer ? "❚❚ pause" : "▶ play";
    this.parts.play.setAttribute("aria-pressed", String(Boolean(this.timer)));
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches?.("select")) return;
    const typing = event.target.matches?.("input");
    const steps = { j: 1, k: -1, ...(typing ? {} : { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }) };
    if (event.key in steps) this.setStep(this.step() + steps[event.key]);
    else if (!typing && event.key === "Home") this.setStep(0);
    else if (!typing && event.key === "End") this.setStep(Infinity);
    else if (event.key === "p") this.play();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // -- what follows ---------------------------------------------------------------------------------------------

  /** Ask for the answer to the policy; an answer that comes after a newer question is dropped. */
  async #ask() {
    const policy = this.state.policy;
    this.section.setAttribute("aria-busy", "true");
    const answer = await this.host.answer(policy).catch((error) => ({ class: null, runs: [], states: [], error: String(error) }));
    if (policy !== this.state.policy) return;
    this.section.removeAttribute("aria-busy");
    this.answer = answer;
    this.#changed();
  }

  #reload() {
    const state = this.#checked(this.host.load());
    const same = JSON.stringify(state.policy) === JSON.stringify(this.state.policy);
    this.state = same ? { ...state, policy: this.state.policy } : state;
    if (same && this.answer) this.#paint();
    else this.#ask();
  }

  #changed() {
    this.host.save({ ...this.state });
    if (this.answer) this.#paint();
  }

  /** The run to show: the property's, else one that completes; with no property, the first violated one's. */
  run() {
    const entry = this.answer?.class;
    if (!entry) return null;
    const at = this.#row()?.run ?? entry.completes;
    return at == null ? null : this.answer.runs[at];
  }

  #row() {
    const { rows } = this.answer.class;
    const { property } = this.state;
    if (property) return rows.find((row) => row.property === property);
    return rows.find((row) => row.verdict === "VIOLATED" && row.run != null);
  }

  step() {
    const run = this.run();
    return run ? Math.min(this.state.step ?? run.steps.length, run.steps.length) : 0;
  }

  // -- the page -------------------------------------------------------------------------------------------------

  #parts() {
    return {
      play: h("button", { type: "button", onclick: () => this.play(), "aria-pressed": "false" }, "▶ play"),
      slider: h("input", { type: "range", min: 0, "aria-label": "step", oninput: (e) => this.setStep(Number(e.target.value)) }),
      count: h("output", { class: "count" }), says: h("p", { class: "says", role: "status" }),
      verdict: h("div", { class: "verdict", role: "status" }), rows: h("div", { class: "rows" }),
      caption: h("p", { class: "caption" }), matrix: null, scripts: h("div", { class: "panel scripts" }),
      changes: h("div", { class: "panel changes" }), race: h("div", { class: "race", tabindex: 0, role: "region", "aria-label": "steps of the run" }),
      spoken: h("ul"), policy: h("p", { class: "policy" }), show: h("div", { class: "show" }),
    };
  }

  #skeleton() {
    const { head, parts } = this;
    const button = (label, text, go) => h("button", { type: "button", "aria-label": label, title: label, onclick: go }, text);
    parts.show.append(
      h("div", { class: "player" },
        button("to the start (Home)", "«", () => this.setStep(0)), button("one step back (k)", "◀", () => this.setStep(this.step() - 1)),
        parts.play, button("one step on (j)", "▶", () => this.setStep(this.step() + 1)),
        button("to the end (End)", "»", () => this.setStep(Infinity)), parts.slider, parts.count),
      parts.says, parts.scripts, parts.changes, this.picture.el,
      h("details", {}, h("summary", {}, "The picture in words"), parts.spoken),
      h("h4", {}, "The run, one column per actor"), parts.race);
    const left = h("div", { class: "left" }, this.#presets(), this.#features(), parts.policy, this.#about());
    parts.matrix = this.#matrix();
    const section = h("section", { class: "tx", "aria-label": `explorer: ${head.case.title}`, tabindex: -1, onkeydown: (e) => this.#key(e) },
      h("header", {}, this.#cases(), h("h3", {}, head.case.title), h("p", {}, head.case.asks)), parts.verdict,
      h("div", { class: "grid" },
        left, h("div", { class: "right" }, parts.rows, parts.matrix, parts.caption, parts.show)));
    return section;
  }

  /** The choice of cases, by family. */
  #cases() {
    const { cases = [], choose } = this.host;
    if (cases.length < 2) return null;
    const option = ({ name, title, verdict }) => h("option", { value: name, selected: name === this.head.case.name }, `${glyph(verdict)} ${name}: ${title}`);
    const groups = Map.groupBy ? Map.groupBy(cases, ({ family }) => family) : new Map([["", cases]]);
    const inside = [...groups].map(([family, some]) => (groups.size > 1 ? h("optgroup", { label: family }, some.map(option)) : some.map(option)));
    return h("label", { class: "cases" }, h("b", {}, `Case (one of ${cases.length})`), h("select", { onchange: (e) => choose(e.target.value) }, inside.flat()));
  }

  #presets() {
    this.presets = this.#distinct().map(({ preset, alike }) => {
      const sign = h("span", { class: "sign" });
      const el = h("button", { type: "button", "aria-pressed": "false", title: alike.length ? `here the same as: ${alike.join("; ")}` : null,
        onclick: () => this.setPolicy(preset.policy) }, sign, preset.title);
      return { preset, sign, el };
    });
    return h("div", { class: "presets", role: "group", "aria-label": "named policies" }, h("h4", {}, "Named policies"), this.presets.map(({ el }) => el));
  }

  /** The named policies that this case can tell apart, each with the titles of those that it takes for the same. */
  #distinct() {
    const read = this.head.features.filter((feature) => feature.read);
    const seen = new Map();
    for (const preset of this.head.presets) {
      const key = read.map(({ id }) => preset.policy[id]).join();
      if (seen.has(key)) seen.get(key).alike.push(preset.title);
      else seen.set(key, { preset, alike: [] });
    }
    return [...seen.values()];
  }

  /** The verdicts of the named policies by property; asked for when first opened, in a page at once. */
  #matrix() {
    const table = h("div", { class: "table" });
    const load = async () => {
      table.replaceChildren(h("p", { class: "alone" }, "exploring the named policies …"));
      const named = await this.host.matrix().catch((error) => table.replaceChildren(String(error)));
      if (named) this.#paintMatrix(table, named);
    };
    const once = { toggle: () => { once.toggle = () => {}; load(); } };
    if (!this.host.lab) once.toggle();
    return h("details", { class: "matrix", ontoggle: () => once.toggle() }, h("summary", {}, "The named policies side by side"), table);
  }

  #paintMatrix(table, named) {
    const ids = this.head.properties.map(({ id }) => id);
    const cell = (word, what) => h("td", { class: `v-${verdictName(word)}`, title: `${what}: ${word}` }, glyph(word), h("span", { class: "unseen" }, ` ${word}`));
    this.marks = this.presets.filter(({ preset }) => named[preset.id]).map(({ preset, sign }) => {
      const { verdict, rows } = named[preset.id];
      sign.replaceChildren(glyph(verdict), h("span", { class: "unseen" }, ` ${verdict}: `));
      sign.setAttribute("class", `sign v-${verdictName(verdict)}`);
      sign.title = verdict;
      const go = h("button", { type: "button", onclick: () => this.setPolicy(preset.policy) }, preset.title);
      return { preset, row: h("tr", {}, h("th", { scope: "row" }, go), cell(verdict, "all"), ids.map((id) => cell(rows[id] ?? "-", id))) };
    });
    table.replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, ["policy", "all", ...ids].map((id) => h("th", { scope: "col" }, id)))),
      h("tbody", {}, this.marks.map(({ row }) => row))), h("p", { class: "key" }, "✓ holds, ✗ violated, ? unfinished, – not promised; a press on a policy shows it."));
    this.#paintPolicy();
  }

  #features() {
    this.radios = [];
    const one = (feature) => h("fieldset", { class: feature.read ? "" : "unread", disabled: !feature.read },
      h("legend", {}, feature.title, h("small", {}, ` ${feature.owner}`)),
      h("div", { class: "pills" }, feature.values.map((value) => this.#pill(feature, value))));
    const read = this.head.features.filter((feature) => feature.read);
    const fixed = this.head.features.filter((feature) => feature.fixed);
    const unread = this.head.features.filter((feature) => !feature.read && !feature.fixed);
    const folded = (says, some) => (some.length
      ? h("details", {}, h("summary", {}, `${says}: ${plural(some.length, "feature")}`), some.map(one)) : null);
    return h("div", { class: "features" }, h("h4", {}, "Policy features"), read.map(one),
      folded("Kept as they are here", fixed), folded("This case cannot tell", unread));
  }

  #pill(feature, value) {
    const radio = h("input", { type: "radio", name: `${this.uid}-${feature.id}`, value: value.id,
      onchange: () => this.setPolicy({ [feature.id]: value.id }) });
    this.radios.push({ feature: feature.id, value: value.id, radio });
    return h("label", { title: feature.read ? "" : feature.fixed ? "kept as it is here" : "this case cannot tell" }, radio, h("span", {}, value.title));
  }

  #about() {
    const { bounds, sources = [] } = this.head.case;
    const covers = this.#covers();
    const source = ({ text, url }) => h("li", {}, url ? h("a", { href: url, rel: "noreferrer" }, text) : text);
    return h("details", { class: "about" }, h("summary", {}, "What this leaves out, and sources"), h("p", {}, bounds ?? ""),
      h("ul", {}, sources.map(source)), h("p", {}, "Keys: arrows or j / k step, Home / End jump, p plays."), covers);
  }

  /** What a page's table answers, and who has the rest. */
  #covers() {
    const { features, class_of: classes } = this.head.index;
    if (this.host.lab || !classes) return null;
    const titles = new Map(this.head.features.map(({ id, title }) => [id, title]));
    const kept = this.head.features.filter((feature) => feature.fixed).map(({ title }) => title);
    const count = classes.filter((number) => number >= 0).length;
    return h("p", { class: "covers" }, `This page answers ${plural(count, "combination")} of ${plural(features.length, "feature")} (${features.map(([id]) => titles.get(id)).join("; ")}), ` +
      `explored when it was made.${kept.length ? ` Kept as they are here: ${kept.join("; ")}.` : ""} tux3nb lab has every other combination.`);
  }

  // -- painting -------------------------------------------------------------------------------------------------

  #paint() {
    this.#paintPolicy();
    this.#paintVerdict();
    const run = this.run();
    this.parts.show.hidden = !run;
    if (!run) return this.play(false);
    const step = this.step();
    const now = this.answer.states[run.states[step]];
    const before = step ? this.answer.states[run.states[step - 1]] : null;
    this.parts.slider.max = String(run.steps.length);
    this.parts.slider.value = String(step);
    this.parts.count.textContent = `step ${step} of ${run.steps.length}`;
    this.parts.spoken.replaceChildren(...this.picture.show(now, before).map((said) => h("li", {}, said)));
    this.#paintSays(run, step);
    this.#paintScripts(run, step);
    this.#paintChanges(now, before);
    this.#paintRace(run, step);
  }

  #paintPolicy() {
    const { policy } = this.state;
    for (const { feature, value, radio } of this.radios) radio.checked = policy[feature] === value;
    const read = this.head.features.filter((feature) => feature.read);
    const shown = (preset) => read.every(({ id }) => preset.policy[id] === policy[id]);
    for (const { preset, el } of this.presets) el.setAttribute("aria-pressed", String(shown(preset)));
    for (const { preset, row } of this.marks) row.setAttribute("class", shown(preset) ? "chosen" : "");
    const title = (feature) => feature.values.find((value) => value.id === policy[feature.id])?.title;
    this.parts.policy.textContent = `Policy: ${read.map((feature) => `${feature.title}: ${title(feature)}`).join("; ")}.`;
  }

  #paintVerdict() {
    const { answer, parts } = this;
    const entry = answer.class;
    if (!entry) {
      const rules = this.head.index.why_not ?? [];
      const rule = rules.find(({ when }) => Object.entries(when).every(([id, value]) => this.state.policy[id] === value));
      parts.verdict.replaceChildren(h("span", { class: "badge v-NONE" }, answer.error ? "error" : "no such policy"), ` ${answer.error ?? rule?.says ?? "this combination is ruled out"}`);
      parts.rows.replaceChildren();
      parts.caption.textContent = "";
      return;
    }
    const alike = `; ${plural(entry.policies, "combination")} of features ${entry.policies === 1 ? "answers" : "answer"} like this`;
    parts.verdict.replaceChildren(badge(entry.verdict), h("span", { class: "facts" }, // a kernel explores just the one asked for
      ` ${plural(entry.states, "state")}, ${plural(entry.edges, "edge")}, depth ${entry.depth}${this.host.lab ? "" : alike}`));
    parts.rows.replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, ["run", "property", "verdict", "reason"].map((t) => h("th", { scope: "col" }, t)))),
      h("tbody", {}, entry.rows.map((row) => this.#verdictRow(row)))));
    parts.caption.textContent = this.#caption();
  }

  #verdictRow(row) {
    const property = this.head.properties.find(({ id }) => id === row.property);
    const chosen = (this.state.property ?? this.#row()?.property) === row.property;
    const radio = h("input", { type: "radio", name: `${this.uid}-property`, "aria-label": `show the run of ${row.property}`,
      onchange: () => this.setProperty(row.property) });
    radio.checked = chosen;
    return h("tr", { class: chosen ? "chosen" : "", onclick: (e) => e.target !== radio && this.setProperty(row.property) },
      h("td", {}, radio), h("td", { title: property?.sentence }, h("b", {}, row.property), ` ${property?.title ?? ""}`),
      h("td", {}, badge(row.verdict)), h("td", {}, row.reason ?? "", row.depth == null ? null : h("small", {}, ` depth ${row.depth}`)));
  }

  #caption() {
    const run = this.run();
    const row = this.#row();
    if (!run) return row?.cut || this.host.cut ? "This run is too large for the page: `tux3nb lab` has it." : "No run to show for this policy.";
    const steps = plural(run.steps.length, "step");
    if (row && row.run != null) return `${row.verdict === "VIOLATED" ? "The shortest run that breaks" : "A run for"} ${row.property}: ${steps}.`;
    return `${row?.cut ? "The run itself is only in `tux3nb lab`. " : ""}A run in which every script finishes: ${steps}.`;
  }

  #actor(id) {
    return this.head.case.actors.find((actor) => actor.id === id)?.title ?? id;
  }

  /** A rule's name and what it was bound to, but for the operation, which the actor's script shows. */
  #call(step) {
    const args = Object.entries(step.args ?? {}).filter(([key]) => key !== "op").map(([key, value]) => `${key}=${value}`);
    return [...breakable(step.rule), args.length ? ` ${args.join(", ")}` : ""];
  }

  #paintSays(run, at) {
    const step = at ? run.steps[at - 1] : null;
    this.parts.says.replaceChildren(...(step
      ? [h("b", {}, this.#actor(step.actor)), step.args?.op ? ` (${step.args.op}) ` : " ", h("code", {}, this.#call(step)), `: ${step.says} `, h("small", {}, step.kernel ?? "")]
      : ["The start: nothing has happened yet."]));
  }

  #paintScripts(run, at) {
    const acting = at ? run.steps[at - 1].actor : null;
    const column = (actor) => {
      const mine = run.steps.slice(0, at).filter((step) => step.actor === actor.id);
      const line = mine.findLast((step) => step.line != null)?.line ?? -1;
      const lines = (this.head.case.columns[actor.id] ?? []).map((text, k) => h("li", {
        class: k < line ? "done" : k === line ? "now" : "", "aria-current": k === line ? "step" : null }, text));
      return h("div", { class: `column${actor.id === acting ? " acting" : ""}` }, h("h5", {}, actor.title), h("ol", {}, lines));
    };
    const scripted = ({ id }) => this.head.case.columns[id]?.length;
    const alone = this.head.case.actors.filter((actor) => !scripted(actor));
    const one = ({ id, title }) => h("h5", { class: id === acting ? "acting" : "" }, title);
    this.parts.scripts.replaceChildren(...this.head.case.actors.filter(scripted).map(column),
      ...(alone.length ? [h("div", { class: "column" }, alone.map(one), h("p", { class: "alone" }, "by themselves"))] : []));
  }

  #paintChanges(now, before) {
    const { fields, names } = this.head;
    const changed = before ? fields.flatMap((name, k) => (now[k] === before[k] ? [] : [[name, before[k], now[k]]])) : [];
    const item = ([name, a, b]) => h("li", {}, h("code", {}, name), `: ${valueWords(name, a, names)} → `, h("b", {}, valueWords(name, b, names)));
    this.parts.changes.replaceChildren(h("h5", {}, "Changed in this step"),
      changed.length ? h("ul", {}, changed.map(item)) : h("p", { class: "alone" }, before ? "no field" : "start"));
  }

  #paintRace(run, at) {
    const { actors } = this.head.case;
    const row = (step, k) => h("tr", { class: k + 1 === at ? "now" : k + 1 > at ? "later" : "", "aria-current": k + 1 === at ? "step" : null, onclick: () => this.setStep(k + 1) },
      h("th", { scope: "row" }, String(k + 1)), actors.map(({ id }) => h("td", { title: id === step.actor ? step.says : null }, id === step.actor ? this.#call(step) : [])));
    const table = h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "step"), actors.map(({ title }) => h("th", { scope: "col" }, title)))),
      h("tbody", {}, run.steps.map(row)));
    this.parts.race.replaceChildren(table);
    const [current] = all(table, ".now");
    this.parts.race.scrollTop = current ? current.offsetTop - this.parts.race.clientHeight / 2 : 0;
  }

  // -- dark and light: the page's scheme, or JupyterLab's theme -------------------------------------------------------

  #theme() {
    const lab = this.host.lab && document.body.dataset.jpThemeLight;
    const dark = lab ? lab === "false" : matchMedia("(prefers-color-scheme: dark)").matches;
    this.section.classList.toggle("dark", dark);
  }

  #followTheme() {
    const media = matchMedia("(prefers-color-scheme: dark)");
    const again = () => this.#theme();
    const observer = new MutationObserver(again);
    media.addEventListener("change", again);
    observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
    return () => { media.removeEventListener("change", again); observer.disconnect(); };
  }
}

/**
 * Show the explorer in an element; `chosen`: the reader has just chosen this case, and keeps the choice in focus.
 * @param {HTMLElement} el @param {Host} host @param {boolean} [chosen] @returns {() => void} ends it
 */
export function mount(el, host, chosen = false) {
  const root = el.shadowRoot ?? el.attachShadow({ mode: "open" });
  el.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab leaves j, k and the arrows to us
  const explorer = new Explorer(root, host);
  if (chosen) root.querySelector("select")?.focus();
  return () => explorer.destroy();
}

// ---- host 1: JupyterLab -----------------------------------------------------------------------------------------

/** @returns {Host} */
function labHost(model) {
  const same = (a, b) => JSON.stringify(Object.entries(a ?? {}).sort()) === JSON.stringify(Object.entries(b ?? {}).sort());
  const head = model.get("head");
  let saving = false;
  return {
    head, css: model.get("css"), lab: true, cases: model.get("cases"),
    choose(name) { model.set("chosen", name); model.save_changes(); },
    matrix: () => new Promise((resolve) => {
      const look = () => { if (model.get("matrix").case === head.case.name) { model.off("change:matrix", look); resolve(model.get("matrix").rows); } };
      model.on("change:matrix", look);
      model.set("matrix_of", head.case.name);
      model.save_changes();
      look();
    }),
    load: () => ({ policy: model.get("policy"), property: model.get("property"), step: model.get("step") }),
    save(state) {
      saving = true;
      for (const key of ["policy", "property", "step"]) if (JSON.stringify(model.get(key)) !== JSON.stringify(state[key])) model.set(key, state[key]);
      saving = false;
      model.save_changes();
    },
    answer: (policy) => new Promise((resolve, reject) => {
      const look = () => {
        const answer = model.get("answer");
        if (!same(answer.policy, policy)) return;
        model.off("change:answer", look);
        if (answer.error) reject(answer.error);
        else resolve(answer);
      };
      model.on("change:answer", look);
      look();
      if (!same(model.get("policy"), policy)) { model.set("policy", policy); model.save_changes(); }
    }),
    onLoad(listener) {
      const names = "change:policy change:property change:step";
      const heard = () => saving || model.get("head") !== head || listener();
      model.on(names, heard);
      return () => model.off(names, heard);
    },
  };
}

function render({ model, el }) {
  const place = el.appendChild(document.createElement("div"));
  let end = mount(place, labHost(model));
  const again = () => { end(); end = mount(place, labHost(model), true); };
  model.on("change:head", again);
  return () => { model.off("change:head", again); end(); };
}
export default { render };

// ---- host 2: a page without a kernel ----------------------------------------------------------------------------

async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

/**
 * The state in the page's address: #rdma=fork:always,refuse:wait/I2/7 with one such part, joined by &, per explorer; where
 * there is a choice of cases the case stands behind the step.
 */
const address = {
  parts: () => new Map(location.hash.slice(1).split("&").filter(Boolean)
    .map((part) => /** @type {[string, string]} */ (part.split(/=(.*)/s, 2)))),
  read(key) {
    const [policy = "", property, step, name] = (address.parts().get(key) ?? "").split("/").map(decodeURIComponent);
    const pairs = policy.split(",").filter(Boolean).map((pair) => pair.split(":"));
    return policy ? { policy: Object.fromEntries(pairs), property: property || null, step: step ? Number(step) : null, name } : null;
  },
  write(key, { policy, property, step }, name) {
    const pairs = Object.entries(policy).map((pair) => pair.map(encodeURIComponent).join(":")).join(",");
    const parts = [...address.parts()].filter(([name, value]) => value !== undefined && name !== key);
    const told = [pairs, encodeURIComponent(property ?? ""), step ?? "", ...(name ? [encodeURIComponent(name)] : [])];
    parts.push([key, told.join("/")]);
    history.replaceState(history.state, "", `#${parts.map((part) => part.join("=")).join("&")}`);
  },
};

/** @param {string} key  the explorer's part of the address @param {Choice} [choice] */
function pageHost(doc, key, css, cut, choice) {
  const name = choice ? doc.case.name : "";
  const here = () => { const state = address.read(key); return state && (!choice || state.name === name) ? state : null; };
  let first = !choice || !choice.chosen; // what is only shown, not chosen, stays out of the address
  return {
    head: doc, css, cut, ...choice,
    load: () => here() ?? doc.start,
    save(state) { if (!first) address.write(key, state, name); first = false; },
    answer: async (policy) => answerFrom(doc, policy),
    matrix: async () => Object.fromEntries(doc.presets.map(({ id, policy }) => [id, answerFrom(doc, policy).class])
      .filter(([, entry]) => entry).map(([id, { verdict, rows }]) => [id, { verdict, rows: Object.fromEntries(rows.map((row) => [row.property, row.verdict])) }])),
    onLoad(listener) {
      const heard = () => {
        const state = address.read(key);
        if (choice && state?.name && state.name !== name) choice.choose(state.name, false);
        else if (state) listener();
      };
      addEventListener("hashchange", heard);
      return () => removeEventListener("hashchange", heard);
    },
  };
}

/** <tux-explorer>: one packed document, or one for each case of a choice, named by `data-choice`. */
class Page {
  /** @param {HTMLElement} el */
  constructor(el) {
    this.el = el;
    this.sources = all(el, 'script[type="application/json"]');
    this.css = JSON.parse(document.getElementById("tux-explorer-css")?.textContent ?? '""');
    this.cases = this.sources.map(({ dataset }) => ({ name: dataset.case, title: dataset.title, family: dataset.family, verdict: dataset.verdict }));
    this.end = () => {};
    const { choice } = el.dataset;
    this.open(choice ? address.read(choice)?.name : null);
  }

  /** @param {string|null|undefined} name @param {boolean} [chosen] */
  async open(name, chosen = false) {
    const source = this.sources.find(({ dataset }) => dataset.case === name) ?? this.sources[0];
    const doc = await unpack(JSON.parse(source.textContent));
    this.end();
    const { choice } = this.el.dataset;
    const cut = "cut" in source.dataset;
    const others = choice && { cases: this.cases, chosen, choose: (other, mine = true) => this.open(other, mine) };
    this.end = mount(this.el, pageHost(doc, choice ?? this.key(doc), this.css, cut, others), chosen);
  }

  /** The name of the case, numbered where an explorer before this one has the same. */
  key(doc) {
    const twins = all(document, `tux-explorer:not([data-choice]):has(> script[data-case="${doc.case.name}"])`).indexOf(this.el);
    return twins ? `${doc.case.name}~${twins + 1}` : doc.case.name;
  }
}

if (typeof customElements !== "undefined" && !customElements.get("tux-explorer")) {
  customElements.define("tux-explorer", class extends HTMLElement {
    connectedCallback() { // the children are the view without scripts; the shadow root takes their place
      if (!this.page && this.querySelector('script[type="application/json"]')) this.page = new Page(this);
    }

    disconnectedCallback() {
      this.page?.end();
      this.page = null;
    }
  });
}
