// <tux-explorer> in a plain page, where tables answer and the address keeps the view.

import { Book } from "./book.js";
import { all } from "./dom.js";
import { saidOf } from "./help.js";
import { fragment, parts, stateOf } from "./link.js";
import { nearest } from "./policies.js";
import { OTHER, VERSION, failedIn, mount } from "./view.js";

/** @typedef {import("./types.js").Host} Host */

/** What was packed has no more than `_slim` in document.py says; here it is whole again. */
function whole(doc) {
  let graph = doc.graph.parts.map(() => 0);
  doc.views.forEach((view, k) => {
    graph = [...graph];
    for (let n = 0; n < view.graph.length; n += 2) graph[view.graph[n]] = view.graph[n + 1];
    view.graph = graph;
    for (const next of view.next) next[1] = next[1] ? next[1] + k : -1;
  });
  doc.steps = doc.steps.map(saidOf);
  for (const run of doc.runs) {
    const [first, ...path] = run.path;
    run.states = [first];
    run.steps = path.map((at) => {
      const next = doc.views[run.states.at(-1)].next[at];
      const [step, view, text] = next ? [next[0], next[1], next[3]] : at;
      run.states.push(view);
      return [step, text];
    });
  }
  return doc;
}

async function unpack(packed) {
  const data = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
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

/** The explorers that have been opened, or are being opened. @type {Promise<any>[]} */
const opening = [];

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
    this.#follow(false);
  }

  close() {
    removeEventListener("popstate", this.heard);
    this.end();
  }

  /** Open the case that the address names and scroll there; without one, that of this step of the history. */
  #follow(running) {
    const { name } = parts(location.hash);
    const named = this.sources.find(({ dataset }) => this.key(dataset.case) === name);
    const kept = history.state?.cases?.[this.#number()];
    const source = named ?? this.#source(kept) ?? this.sources[0];
    const opened = source === this.source ? null : this.open(source);
    if (named && (opened || running)) this.#intoView();
  }

  #source(name) {
    return this.sources.find(({ dataset }) => dataset.case === name);
  }

  #number() {
    return all(document, "tux-explorer").indexOf(this.el);
  }

  /** Once the explorers above have their height, too. */
  async #intoView() {
    await null; // the others are about to be opened
    await Promise.allSettled(opening);
    requestAnimationFrame(() => this.el.scrollIntoView());
  }

  /** @param {HTMLElement} source @param {boolean} [chosen] */
  open(source, chosen = false) {
    const opened = this.#open(source, chosen).catch((error) => failedIn(this.el, this.css, error));
    opening.push(opened);
    return opened;
  }

  async #open(source, chosen) {
    this.source = source;
    const doc = await unpack(JSON.parse(source.textContent));
    if (source !== this.source) return;
    if (doc.version !== VERSION) throw new Error(OTHER);
    whole(doc);
    this.end();
    const choose = (name) => this.#choose(this.#source(name));
    const others = this.cases.length > 1 ? { cases: this.cases, choose } : {};
    this.end = mount(
      this.el,
      pageHost(doc, this.key(doc.case.name), this.css, others, () => this.#stray()),
      chosen,
    );
  }

  /** The reader has chosen another case. */
  #choose(source) {
    const name = source.dataset.case;
    const cases = { ...history.state?.cases, [this.#number()]: name };
    const text = encodeURIComponent(this.key(name)).replaceAll("%2B", "+");
    history.pushState({ ...history.state, cases }, "", `#${text}`);
    return this.open(source, true);
  }

  /** What the first explorer of a page says of a fragment that names nothing in it. */
  #stray() {
    const { name, trouble } = parts(location.hash);
    if (this.#number()) return "";
    if (trouble && !name) return trouble;
    const keys = all(document, "tux-explorer").flatMap((el) => {
      const { page } = /** @type {any} */ (el);
      return page ? page.cases.map((one) => page.key(one.name)) : [];
    });
    if (!name || keys.includes(name) || document.getElementById(name)) return "";
    return `The link names ${name}, which is no case of this page${nearest(name, keys)}.`;
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
