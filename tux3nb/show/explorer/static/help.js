// What is the same in all cases, put in here by assets.py: help for the values of features, what is said of rules.

/** A line of help and a source.
 * @type {Object<string, Object<string, [string, string]>>}  feature to value to (help, source) */
const HELP = {}; /*help*/

/** What there is to say of a value. @param {string} feature @param {string} value */
export const helpOf = (feature, value) => HELP[feature]?.[value] ?? ["", ""];

/** @type {Object<string, [string, string]>}  rule to (what is said of it, which kernel code it follows) */
const RULES = {}; /*rules*/

/** A step with what is said of its rule, where the step does not say it itself. */
export const saidOf = (step) => {
  const [says, kernel] = RULES[step.rule] ?? ["", ""];
  return { says, kernel, ...step };
};
