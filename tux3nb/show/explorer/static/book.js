// The tables of a page, asked for runs: look-ups, and ways through the states that the page carries.

import { Policies } from "./policies.js";

/** @typedef {import("./types.js").Answer} Answer */
/** @typedef {import("./types.js").Own} Own */

export class Book {
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
      broke: references[key]?.policy,
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

  /** On to the nearest state that breaks the property, else to the nearest end.
   * @param {Own} own @returns {Answer} */
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
