// A line of help and a source for every value of every feature; helps.py has them, and they are put in here.

/** @type {Object<string, Object<string, [string, string]>>}  feature to value to (help, source) */
const HELP = {}; /*help*/

/** What there is to say of a value. @param {string} feature @param {string} value */
export const helpOf = (feature, value) => HELP[feature]?.[value] ?? ["", ""];
