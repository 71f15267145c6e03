// The policy as a sentence with its words as buttons, and the chips of the policies that matter here.

import { button, h, refill, roving, saying, sign } from "./dom.js";
import { helpOf } from "./help.js";

/** @typedef {import("./policies.js").Policies} Policies */
/** @typedef {import("./types.js").Policy} Policy */
/** @typedef {import("./types.js").Feature} Feature */

const MOST = 7;

export class PolicyBar {
  /** @param {Policies} policies @param {(policy: Policy, property?: string|null) => void} choose */
  constructor(policies, choose) {
    this.policies = policies;
    this.choose = choose;
    this.more = false;
    /** @type {string|null} */
    this.open = null;
    this.chips = roving(h("div", { class: "chips", role: "toolbar", "aria-label": "policies of this case" }));
    this.words = roving(
      h("div", { class: "words", role: "toolbar", "aria-label": "the policy, word by word" }),
    );
    this.pop = h("div", { class: "pop", role: "group", hidden: true, onkeydown: (e) => this.#key(e) });
    this.el = h("div", { class: "policy" }, this.chips, this.words, this.pop);
  }

  #key(event) {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    this.close(true);
  }

  /** @param {boolean} [focus] */
  close(focus = false) {
    const was = this.open;
    this.open = null;
    this.pop.hidden = true;
    for (const word of this.words.querySelectorAll("[aria-expanded]"))
      word.setAttribute("aria-expanded", "false");
    if (focus && was) {
      /** @type {HTMLElement|null} */ (this.words.querySelector(`[data-key="word-${was}"]`))?.focus();
    }
  }

  /** @param {Policy} policy */
  show(policy) {
    this.policy = policy;
    refill(this.chips, this.#chips());
    refill(this.words, this.#sentence());
    if (this.open) this.#values(this.policies.features.find(({ id }) => id === this.open));
  }

  #chips() {
    const { head } = this.policies;
    return head.chips.map((chip) => {
      const chosen = this.policies.same(chip.policy, this.policy);
      const verdict = this.policies.verdict(chip.policy);
      const press = button(
        `chip-${chip.id || chip.title}`,
        () => this.choose(chip.policy),
        { class: "chip", "aria-pressed": String(chosen), title: chip.title },
        sign(verdict),
        chip.id || chip.title,
      );
      return h(
        "span",
        { class: "group" },
        press,
        chosen && verdict !== "VIOLATED" ? chip.drops.map((drop) => this.#cross(drop)) : null,
      );
    });
  }

  #cross(drop) {
    const breaks = drop.breaks ? ` ${drop.breaks}` : "";
    return button(
      `drop-${drop.feature}-${drop.to}`,
      () => this.choose(drop.policy, drop.breaks),
      { class: "cross", title: `drop ${drop.title}${breaks ? `: breaks${breaks}` : ""}` },
      "× ",
      drop.title,
      breaks ? h("span", { class: "breaks" }, breaks) : null,
    );
  }

  /** The features that this case can tell apart from here, at most seven; the others behind "more". */
  #sentence() {
    const { features } = this.policies;
    const telling = features.filter((feature) => this.policies.tells(this.policy, feature)).slice(0, MOST);
    const rest = features.filter((feature) => !telling.includes(feature));
    const shown = this.more ? [...telling, ...rest] : telling;
    const more = rest.length
      ? button(
          "more",
          () => {
            this.more = !this.more;
            this.show(this.policy);
          },
          { class: "more", "aria-expanded": String(this.more) },
          this.more ? "fewer" : `${rest.length} more`,
        )
      : null;
    return [
      h("code", { class: "told" }, this.policies.told(this.policy)),
      " ",
      shown.map((feature, n) => this.#word(feature, n === shown.length - 1)),
      more,
    ];
  }

  /** @param {Feature} feature */
  #word(feature, last) {
    const [before, after = ""] = feature.sentence.split("{}");
    const value = this.policies.value(this.policy, feature);
    const word = button(
      `word-${feature.id}`,
      () => this.#toggle(feature),
      { class: "word", "aria-expanded": String(this.open === feature.id), title: feature.title },
      value.word,
    );
    return h("span", { class: "clause" }, before, word, after, last ? ". " : "; ");
  }

  #toggle(feature) {
    if (this.open === feature.id) return this.close(true);
    this.open = feature.id;
    this.show(this.policy);
    const chosen = this.pop.querySelector("[aria-pressed=true]") ?? this.pop.querySelector("button");
    /** @type {HTMLElement|null} */ (chosen)?.focus();
    return undefined;
  }

  /** The values of a feature, each with the verdict that it would give. @param {Feature} feature */
  #values(feature) {
    this.pop.setAttribute("aria-label", feature.title);
    refill(
      this.pop,
      h(
        "div",
        { class: "title" },
        h("b", {}, feature.title),
        button("close", () => this.close(true), { class: "close", "aria-label": "close" }, "×"),
      ),
      feature.values.map((value) => this.#value(feature, value)),
    );
    this.pop.hidden = false;
  }

  #value(feature, value) {
    const policy = { ...this.policy, [feature.id]: value.id };
    const verdict = this.policies.verdict(policy);
    const breaks = verdict === "VIOLATED" ? `: ${this.policies.broken(policy).join(", ")}` : "";
    const why = verdict ? `${saying(verdict)}${breaks}` : `no such policy: ${this.policies.whyNot(policy)}`;
    const [help, source] = helpOf(feature.id, value.id);
    const go = () => {
      this.choose(policy);
      if (verdict) this.close(true);
    };
    return button(
      `value-${value.id}`,
      go,
      { class: "value", "aria-pressed": String(this.policy[feature.id] === value.id) },
      sign(verdict, true),
      h(
        "span",
        { class: "what" },
        h("b", {}, value.word),
        ` · ${why}`,
        h("small", {}, [help || value.title, `built by: ${value.owner}`, source].filter(Boolean).join(" · ")),
      ),
    );
  }
}
