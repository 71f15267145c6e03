// Policies, sets of policies as a decision diagram, and the names that a reader gives them.

/** @typedef {import("./types.js").Policy} Policy */
/** @typedef {import("./types.js").Feature} Feature */

/** How many letters to change, add or drop. @param {string} a @param {string} b */
function distance(a, b) {
  let row = [...Array(b.length + 1).keys()];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + Number(a[i - 1] !== b[j - 1])));
    }
    row = next;
  }
  return row[b.length];
}

/** ` (nearest: x)`, or nothing where no word is near. @param {string} word @param {string[]} words */
export function nearest(word, words) {
  const found = [...words].sort((a, b) => distance(word, a) - distance(word, b))[0];
  return found && distance(word, found) <= Math.max(2, word.length / 2) ? ` (nearest: ${found})` : "";
}

/** What a head says of policies: look-ups only. */
export class Policies {
  constructor(head) {
    this.head = head;
    /** @type {Feature[]} */
    this.features = head.features;
    this.numbers = this.features.map(({ values }) => new Map(values.map(({ id }, n) => [id, n])));
  }

  /** Is a policy in a set? 0 is nobody, 1 everybody, any other a node of the diagram. @param {number} set */
  has(set, policy) {
    while (set > 1) {
      const node = this.head.diagram[set];
      set = node[1 + this.numbers[node[0]].get(policy[this.features[node[0]].id])];
    }
    return set === 1;
  }

  /** The verdict of a policy, of one property or of all; null where there is no such policy. */
  verdict(policy, property = "all") {
    const found = Object.entries(this.head.verdicts[property] ?? {}).find(([, set]) => this.has(set, policy));
    return found ? found[0] : null;
  }

  /** Why a combination is no policy. */
  whyNot(policy) {
    const fits = ({ when }) => Object.entries(when).every(([id, values]) => values.includes(policy[id]));
    return this.head.why_not.find(fits)?.says ?? this.head.no_policy;
  }

  /** The properties that a policy breaks, those first that it must keep. @returns {string[]} */
  broken(policy) {
    const found = this.head.properties.filter(({ id }) => this.verdict(policy, id) === "VIOLATED");
    return found.sort((a, b) => Number(a.advisory) - Number(b.advisory)).map(({ id }) => id);
  }

  /** The values of a policy, to look it up by. */
  key(policy) {
    return this.features.map(({ id }) => policy[id]).join();
  }

  same(p, q) {
    return this.features.every(({ id }) => p[id] === q[id]);
  }

  /** The features in which two policies differ, with the value of the first. @returns {[string, string][]} */
  differences(p, q) {
    return this.features.filter(({ id }) => p[id] !== q[id]).map(({ id }) => [id, p[id]]);
  }

  /** The nearest named policy and what differs from it. @returns {{id: string, changes: [string, string][]}} */
  named(policy) {
    const told = this.head.named.map(({ id, policy: other }) => ({
      id,
      changes: this.differences(policy, other),
    }));
    return told.sort((a, b) => a.changes.length - b.changes.length)[0] ?? { id: "", changes: [] };
  }

  /** `reverse_fork+busy:in_place` */
  told(policy) {
    const { id, changes } = this.named(policy);
    return [id, ...changes.map(([feature, value]) => `${feature}:${value}`)].join("+");
  }

  /** The policy that such a name tells, or a sentence that says what is wrong with it. @param {string} text */
  read(text) {
    const [id, ...changes] = text.split("+");
    const base = this.head.named.find((one) => one.id === id);
    if (!base)
      return {
        trouble: `There is no policy ${id}${nearest(
          id,
          this.head.named.map((one) => one.id),
        )}.`,
      };
    const policy = { ...base.policy };
    for (const change of changes) {
      const [feature, value = ""] = change.split(":");
      const known = this.features.find((one) => one.id === feature);
      const ids = known ? known.values.map((one) => one.id) : this.features.map((one) => one.id);
      if (!known) return { trouble: `This case reads no feature ${feature}${nearest(feature, ids)}.` };
      if (!ids.includes(value)) return { trouble: `${feature} has no value ${value}${nearest(value, ids)}.` };
      policy[feature] = value;
    }
    if (!this.has(this.head.all, policy)) return { trouble: `No such policy: ${this.whyNot(policy)}.` };
    return { policy };
  }

  /** Does another value of a feature change any verdict? @param {Feature} feature */
  tells(policy, feature) {
    const ids = ["all", ...this.head.properties.map(({ id }) => id)];
    const now = ids.map((id) => this.verdict(policy, id));
    const others = feature.values
      .map(({ id }) => ({ ...policy, [feature.id]: id }))
      .filter((other) => this.verdict(other));
    return others.some((other) => ids.some((id, n) => this.verdict(other, id) !== now[n]));
  }

  /** The value that a policy gives a feature. @param {Feature} feature */
  value(policy, feature) {
    return feature.values.find(({ id }) => id === policy[feature.id]) ?? feature.values[0];
  }
}
