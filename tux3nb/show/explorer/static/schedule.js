// A schedule of the reader's own: what may come next in each lane, undo, redo, and on as the shortest run.

import { button, h, refill } from "./dom.js";

/** @typedef {import("./view.js").Explorer} Explorer */
/** @typedef {import("./view.js").Seen} Seen */
/** @typedef {import("./types.js").Answer} Answer */

export class Schedule {
  /** @param {Explorer} explorer */
  constructor(explorer) {
    this.explorer = explorer;
    this.el = h("div", { class: "ends" });
    const press = (key, words, label, go) => button(key, go, { "aria-label": label, title: label }, words);
    this.undone = press("undo", "undo", "undo your step (u)", () => this.undo());
    this.redone = press("redo", "redo", "redo your step (r)", () => this.redo());
    this.finished = press("finish", "go on", "go on as the shortest run", () => this.finish());
    this.clear();
  }

  clear() {
    /** @type {any[]} */
    this.trail = [];
    /** @type {any[]} */
    this.ahead = [];
    this.own = false;
  }

  /** @returns {import("./types.js").Own} */
  #soFar() {
    const { state, answer, at, lanes } = this.explorer;
    return { policy: state.policy, property: this.explorer.property(), answer, run: lanes.sides[0].run, at };
  }

  /** Along the run where the step is the run's, else on a schedule of one's own. */
  take(next) {
    const own = this.#soFar();
    const { run, at } = own;
    const along = run.steps[at]?.[0] === next[0] && (next[1] < 0 || run.states[at + 1] === next[1]);
    if (along) this.explorer.go(at + 1);
    else this.#branch(this.explorer.host.step(own, next));
  }

  finish() {
    this.#branch(this.explorer.host.finish(this.#soFar()));
  }

  /** @param {Promise<Answer>} asked */
  async #branch(asked) {
    const was = this.#kept();
    const answer = await asked.catch((error) => this.explorer.say(String(error.message ?? error)));
    if (!answer) return;
    if (answer.error) return this.explorer.say(answer.error);
    this.explorer.say("");
    this.trail.push(was);
    this.ahead = [];
    this.#show({ answer, own: true, at: Infinity });
  }

  #kept() {
    return { answer: this.explorer.answer, own: this.own, at: this.explorer.at };
  }

  #show({ answer, own, at }) {
    this.own = own;
    Object.assign(this.explorer, { answer, pair: false });
    this.explorer.draw(at);
  }

  undo() {
    if (!this.trail.length) return;
    this.ahead.push(this.#kept());
    this.#show(this.trail.pop());
  }

  redo() {
    if (!this.ahead.length) return;
    this.trail.push(this.#kept());
    this.#show(this.ahead.pop());
  }

  /** @param {Seen[]} seen */
  paint(seen) {
    this.undone.hidden = this.redone.hidden = !this.trail.length && !this.ahead.length;
    this.undone.setAttribute("aria-disabled", String(!this.trail.length));
    this.redone.setAttribute("aria-disabled", String(!this.ahead.length));
    this.finished.hidden = this.el.hidden = seen.length > 1;
    if (seen.length > 1) return;
    const [one] = seen;
    const enabled = one.view.next.filter(([, , set]) => this.explorer.may(set));
    const { actors } = this.explorer.lanes;
    const aside = this.explorer.head.actors.filter((actor) => !actors.includes(actor));
    const waits = [
      ...aside.map((actor) => this.#aside(actor, one, enabled)),
      ...actors.map((actor) => this.#waits(actor, one, enabled)),
    ].filter(Boolean);
    const over = enabled.length || waits.length ? null : h("span", { class: "over" }, "nothing is left to do");
    refill(
      this.el,
      h(
        "div",
        { class: "half" },
        h("span", { class: "num" }, "next"),
        over ?? actors.map((actor, n) => this.#end(actor, n, one, enabled)),
      ),
      waits.length ? h("ul", { class: "waits" }, waits) : null,
    );
    this.el.style.setProperty("--lanes", this.explorer.lanes.ends);
  }

  /** The end of a lane: what the actor may do. */
  #end({ id, title }, n, { side, mark }, enabled) {
    const mine = enabled.filter(([step]) => side.tables.steps[step].actor === id);
    const broken = mine.length && mark?.places.some((place) => place.actor === id) ? "broken" : "";
    return h(
      "div",
      {
        class: `end ${broken}`,
        style: `grid-column: ${n + 2}`,
        "aria-label": `next: ${title}`,
        role: "group",
      },
      this.#steps(side, mine, id),
    );
  }

  /** What an actor may do that has no lane, since it does nothing in this run; null where there is nothing. */
  #aside({ id, title }, { side }, enabled) {
    const mine = enabled.filter(([step]) => side.tables.steps[step].actor === id);
    if (!mine.length) return null;
    return h("li", { class: "end" }, h("b", {}, title), " ", this.#steps(side, mine, id));
  }

  /** What says no to an actor that can do nothing; null where it has nothing to do. */
  #waits({ id, title }, { side, view, mark }, enabled) {
    if (enabled.some(([step]) => side.tables.steps[step].actor === id)) return null;
    const of = this.explorer.head.actors;
    const why = view.stuck.filter(([actor, , , set]) => of[actor].id === id && this.explorer.may(set));
    const broken = mark?.places.some((place) => place.actor === id);
    if (!why.length && !broken) return null;
    return h(
      "li",
      { class: `end ${broken ? "broken" : ""}` },
      h("b", {}, title),
      " ",
      why.length ? why.map((one) => this.#stuck(side, one)) : h("span", { class: "stuck" }, "can never go on"),
    );
  }

  /** A button for each step that an actor may take next; those that would say the same say their folio or rule, too. */
  #steps({ tables }, mine, id) {
    const { host, head } = this.explorer;
    const rule = (next) => tables.steps[next[0]].rule.replaceAll("_", " ");
    const words = (next) => tables.texts[next[3]] || tables.steps[next[0]].op || rule(next);
    return mine.map((next, k) => {
      const { says, folio } = tables.steps[next[0]];
      const alone = mine.filter((one) => words(one) === words(next)).length === 1;
      const gone = next[1] < 0 && !host.lab;
      const title = gone ? head.tux?.lab : says;
      const told = alone ? words(next) : `${words(next)}: ${folio || rule(next)}`;
      return button(`next-${id}-${k}`, () => this.take(next), { title, disabled: gone }, told);
    });
  }

  #stuck(side, [, step, why]) {
    const words = typeof why === "number" ? side.tables.texts[why] : why;
    return h("span", { class: "stuck", title: side.tables.steps[step]?.says }, words);
  }
}
