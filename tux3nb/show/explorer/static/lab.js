// The explorer in JupyterLab, and in what else shows widgets: the kernel answers.

import { fragment } from "./link.js";
import { Policies } from "./policies.js";
import { mount } from "./view.js";

/** @typedef {import("./types.js").Host} Host */
/** @typedef {import("./types.js").Answer} Answer */
/** @typedef {import("./types.js").Own} Own */

const PATIENCE = 4000; // milliseconds
const REMEMBERED = 60; // answers
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
      else resolve(asAnswer(reply.answer, host.head));
    };
    model.on("msg:custom", heard);
    model.send({ ask, what, ...about });
  });
}

/** An answer of the kernel; it tells the policy that broke by its title. @returns {Answer} */
function asAnswer(answer, head) {
  const broke = head.named.find(({ title }) => title === answer.name)?.policy ?? null;
  return { ...answer, tables: answer, broke };
}

/** Answers already had are given again, also where the kernel has gone; the oldest are forgotten. */
function remembering() {
  /** @type {Map<string, Answer>} */
  const answers = new Map();
  return async (/** @type {string} */ key, /** @type {() => Promise<Answer>} */ ask) => {
    const answer = answers.get(key) ?? (await ask());
    answers.delete(key);
    answers.set(key, answer);
    if (answers.size > REMEMBERED) answers.delete(answers.keys().next().value);
    return answer;
  };
}

/** The steps of a run up to a state, as the kernel numbers them. @param {Own} own */
const path = ({ run, at, answer }) => run.steps.slice(0, at).map(([step]) => answer.tables.steps[step].n);

/** @returns {Host} */
function labHost(model) {
  const head = model.get("head");
  const policies = head?.case ? new Policies(head) : null;
  const known = remembering();
  let saving = false;
  const ask = async (policy, property) => {
    const first = model.get("answer");
    const fits = first?.policy && policies.same(first.policy, policy) && first.property === property;
    return fits && !first.error ? asAnswer(first, head) : question(model, host, "run", { policy, property });
  };
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
    answer: (policy, property) =>
      known(JSON.stringify([policies.key(policy), property]), () => ask(policy, property)),
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
  place.className = "tux-live"; // hides the explorer that is saved beside it
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
