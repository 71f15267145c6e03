// Two hosts: an anywidget, where the kernel answers, and <tux-explorer> in a plain page, where tables answer.

import { all } from "./dom.js";
import { fragment, parts, stateOf } from "./link.js";
import { Policies, nearest } from "./policies.js";
import { mount } from "./view.js";

/** @typedef {import("./types.js").Host} Host */
/** @typedef {import("./types.js").Answer} Answer */
/** @typedef {import("./types.js").Own} Own */

// ---- a page without a kernel ------------------------------------------------------------------------------------

async function unpack(packed) {
  const data = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

/** The tables of a page, asked for runs. */
class Book {
  constructor(doc) {
    this.doc = doc;
    this.policies = new Policies(doc);
    /** @type {Map<number, Object<string, number>>} */
    this.marks = new Map();
    for (const run of doc.runs) this.#known(run);
  }

  /** What the runs say is broken in their views. */
  #known(run) {
    for (const [property, bars] of Object.entries(run.bars)) {
      bars.forEach(([from, mark], n) => {
        for (let k = from; k < (bars[n + 1]?.[0] ?? run.states.length); k++) {
          if (mark) this.marks.set(run.states[k], { ...this.marks.get(run.states[k]), [property]: mark });
        }
      });
    }
  }

  #found(entries, policy) {
    return entries?.find(([, set]) => this.policies.has(set, policy))?.[0] ?? null;
  }

  /** @returns {Answer} */
  answer(policy, property) {
    const { covers, references, follows } = this.doc;
    const key = references[property] ? property : "all";
    const broken = this.policies.verdict(policy, property) === "VIOLATED";
    const follow = this.#found(follows[key], policy);
    const run =
      (broken ? this.#found(covers[property], policy) : null) ?? follow ?? this.#found(follows.all, policy);
    return {
      tables: this.doc,
      property,
      run,
      reference: references[key]?.run ?? null,
      follow,
      name: references[key]?.policy,
      error: run == null ? this.doc.tux.lab : "",
    };
  }

  /** A run with these steps; what is broken along it is read off its views. */
  #made(steps, states) {
    /** @type {Object<string, [number, number][]>} */
    const bars = {};
    states.forEach((view, k) => {
      const marks = this.doc.views[view].marks ?? this.marks.get(view) ?? {};
      for (const [property, mark] of Object.entries(marks)) (bars[property] ??= [[0, 0]]).push([k, mark]);
    });
    const run = {
      steps,
      states,
      depth: steps.length,
      why: "",
      bars,
      arrows: [],
      arcs: {},
      mirrors: null,
      differs: null,
      differs_text: "",
    };
    return { tables: { ...this.doc, runs: [run] }, run: 0, reference: null, follow: null };
  }

  /** @param {Own} own @returns {Answer} */
  step({ run, at, property }, [step, view, , text]) {
    if (view < 0) return { .../** @type {any} */ ({}), error: this.doc.tux.lab };
    const steps = [...run.steps.slice(0, at), [step, text]];
    return { property, ...this.#made(steps, [...run.states.slice(0, at + 1), view]) };
  }

  /** On to the nearest state that breaks the property, else to the nearest end. @param {Own} own @returns {Answer} */
  finish({ run, at, property, policy }) {
    const { views } = this.doc;
    const broken = (n) => (views[n].marks ?? this.marks.get(n) ?? {})[property];
    const nexts = (n) => views[n].next.filter(([, view, set]) => view >= 0 && this.policies.has(set, policy));
    const way =
      this.#way(run.states[at], nexts, broken) ?? this.#way(run.states[at], nexts, (n) => !nexts(n).length);
    if (!way?.length)
      return { .../** @type {any} */ ({}), error: way ? "The run is at its end." : this.doc.tux.lab };
    const steps = [...run.steps.slice(0, at), ...way.map(([step, , , text]) => [step, text])];
    return {
      property,
      ...this.#made(steps, [...run.states.slice(0, at + 1), ...way.map(([, view]) => view)]),
    };
  }

  /** The shortest way from a view to one that fits. */
  #way(start, nexts, fits) {
    const came = new Map([[start, null]]);
    const queue = [start];
    for (const at of queue) {
      if (fits(at)) return this.#back(came, at);
      for (const next of nexts(at)) {
        if (!came.has(next[1])) {
          came.set(next[1], [at, next]);
          queue.push(next[1]);
        }
      }
    }
    return null;
  }

  #back(came, end) {
    const way = [];
    for (let found = came.get(end); found; found = came.get(found[0])) way.unshift(found[1]);
    return way;
  }
}

/** What the address says of the explorers of this page, by key. @type {Map<string, string>} */
const shown = new Map();

/** @param {string} key  how the explorer's case is named in links @param {any} others  the choice of cases */
function pageHost(doc, key, css, others, trouble) {
  const book = new Book(doc);
  const told = () => {
    const found = parts(location.hash);
    if (found.name === key) return found;
    const kept = history.state?.tux?.[key];
    return kept ? parts(kept) : null;
  };
  return /** @type {Host} */ ({
    head: doc,
    css,
    ...others,
    load() {
      const found = told();
      const read = found ? stateOf(found, doc, book.policies) : { state: { ...doc.start }, trouble: "" };
      return { ...read, trouble: [trouble(), read.trouble].filter(Boolean).join(" ") };
    },
    save(state, push) {
      const text = fragment(key, book.policies, state);
      shown.set(key, text);
      const kept = { ...history.state, tux: Object.fromEntries(shown) };
      if (push) history.pushState(kept, "", text);
      else history.replaceState(kept, "", text);
    },
    link: (state) => `${location.href.split("#")[0]}${fragment(key, book.policies, state)}`,
    answer: async (policy, property) => book.answer(policy, property),
    compare: async (_, against, property) => book.answer(against, property),
    step: async (own, next) => book.step(own, next),
    finish: async (own) => book.finish(own),
    onLoad(listener) {
      addEventListener("popstate", listener);
      return () => removeEventListener("popstate", listener);
    },
  });
}

/** <tux-explorer>: one packed document, or one for each case of a choice, named by `data-choice`. */
class Page {
  /** @param {HTMLElement} el */
  constructor(el) {
    this.el = el;
    this.sources = all(el, 'script[type="application/json"]');
    this.css = JSON.parse(document.getElementById("tux-explorer-css")?.textContent ?? '""');
    this.cases = this.sources.map(({ dataset }) => ({
      name: dataset.case,
      title: dataset.title,
      family: dataset.family,
      verdict: dataset.verdict,
    }));
    this.end = () => {};
    this.heard = () => this.#follow(true);
    addEventListener("popstate", this.heard);
    if (!this.#follow(false)) this.open(this.sources[0]);
  }

  close() {
    removeEventListener("popstate", this.heard);
    this.end();
  }

  /** Open the case that the address names, if it is one of these, and scroll there. @param {boolean} running */
  #follow(running) {
    const { name } = parts(location.hash);
    const source = this.sources.find(({ dataset }) => this.key(dataset.case) === name);
    if (source && source !== this.source) this.open(source).then(() => this.el.scrollIntoView());
    else if (source && running) this.el.scrollIntoView();
    return Boolean(source);
  }

  /** @param {HTMLElement} source @param {boolean} [chosen] */
  async open(source, chosen = false) {
    this.source = source;
    const doc = await unpack(JSON.parse(source.textContent));
    if (source !== this.source) return;
    this.end();
    const name = (other) => this.sources.find(({ dataset }) => dataset.case === other);
    const others =
      this.cases.length > 1 ? { cases: this.cases, choose: (other) => this.#choose(name(other)) } : {};
    this.end = mount(
      this.el,
      pageHost(doc, this.key(doc.case.name), this.css, others, () => this.#stray()),
      chosen,
    );
  }

  /** The reader has chosen another case. */
  #choose(source) {
    history.pushState(
      history.state,
      "",
      `#${encodeURIComponent(this.key(source.dataset.case)).replaceAll("%2B", "+")}`,
    );
    return this.open(source, true);
  }

  /** What the first explorer of a page says of a fragment that names nothing in it. */
  #stray() {
    const { name, trouble } = parts(location.hash);
    const here = all(document, "tux-explorer");
    if (this.el !== here[0]) return "";
    if (trouble && !name) return trouble;
    const cases = here.flatMap((el) => all(el, "script[data-case]").map(({ dataset }) => dataset.case));
    const base = name.replace(/~\d+$/, "");
    if (!name || cases.includes(base) || document.getElementById(name)) return "";
    return `The link names ${name}, which is no case of this page${nearest(base, cases)}.`;
  }

  /** The name of a case in links, numbered where an explorer before this one has the same. */
  key(name) {
    const twins = all(document, "tux-explorer")
      .filter((el) => all(el, "script[data-case]").some(({ dataset }) => dataset.case === name))
      .indexOf(this.el);
    return twins > 0 ? `${name}~${twins + 1}` : name;
  }
}

if (typeof customElements !== "undefined" && !customElements.get("tux-explorer")) {
  customElements.define(
    "tux-explorer",
    class extends HTMLElement {
      connectedCallback() {
        // the children are the view without scripts; the shadow root takes their place
        if (!this.page && this.querySelector('script[type="application/json"]')) this.page = new Page(this);
      }

      disconnectedCallback() {
        this.page?.close();
        this.page = null;
      }
    },
  );
}

// ---- JupyterLab, and what else shows widgets ------------------------------------------------------------------------

const PATIENCE = 4000; // milliseconds
let asked = 0;

/** Ask the kernel; a word for the reader where it is silent. */
function question(model, host, what, about) {
  const ask = ++asked;
  return new Promise((resolve, reject) => {
    const late = setTimeout(
      () => host.slow?.("The kernel does not answer. If it was restarted: run this cell again."),
      PATIENCE,
    );
    const heard = (reply) => {
      if (reply?.ask !== ask) return;
      clearTimeout(late);
      host.slow?.("");
      model.off("msg:custom", heard);
      if (reply.error) reject(new Error(reply.error));
      else resolve(asAnswer(reply.answer));
    };
    model.on("msg:custom", heard);
    model.send({ ask, what, ...about });
  });
}

/** @returns {Answer} */
const asAnswer = (answer) => ({ ...answer, tables: answer });

/** The steps of a run up to a state, as the kernel numbers them. @param {Own} own */
const path = ({ run, at, answer }) => run.steps.slice(0, at).map(([step]) => answer.tables.steps[step].n);

/** @returns {Host} */
function labHost(model) {
  const head = model.get("head");
  const policies = head?.case ? new Policies(head) : null;
  let saving = false;
  /** @type {any} */
  const host = {
    head,
    css: model.get("css"),
    lab: true,
    cases: model.get("cases"),
    choose(name) {
      model.set("chosen", name);
      model.save_changes();
    },
    load: () => ({
      trouble: model.get("trouble") ?? "",
      state: {
        policy: { ...head?.start?.policy, ...model.get("policy") },
        property: model.get("property"),
        step: model.get("step"),
      },
    }),
    save(state) {
      saving = true;
      for (const key of ["policy", "property", "step"]) {
        if (JSON.stringify(model.get(key)) !== JSON.stringify(state[key])) model.set(key, state[key]);
      }
      saving = false;
      model.save_changes();
    },
    link: (state) => fragment(head.case.name, policies, state),
    async answer(policy, property) {
      const first = model.get("answer");
      const fits = first?.policy && policies.same(first.policy, policy) && first.property === property;
      if (fits && !first.error) return asAnswer(first);
      return question(model, host, "run", { policy, property });
    },
    compare: (policy, against, property) => question(model, host, "compare", { policy, against, property }),
    step: (own, [step]) =>
      question(model, host, "step", {
        policy: own.policy,
        path: path(own),
        step: own.answer.tables.steps[step].n,
        property: own.property,
      }),
    finish: (own) =>
      question(model, host, "finish", { policy: own.policy, path: path(own), property: own.property }),
    onLoad(listener) {
      const names = "change:policy change:property change:step change:trouble";
      const heard = () => saving || model.get("head") !== head || listener();
      model.on(names, heard);
      return () => model.off(names, heard);
    },
  };
  return host;
}

export function render({ model, el }) {
  const place = el.appendChild(document.createElement("div"));
  let end = mount(place, labHost(model));
  const again = () => {
    end();
    end = mount(place, labHost(model), true);
  };
  model.on("change:head", again);
  return () => {
    model.off("change:head", again);
    end();
  };
}
