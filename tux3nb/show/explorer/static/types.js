// The shapes of an explorer's document, for the type checker only; answers.py makes them.
// A number that stands for a text, row, view ... is its place in the table of that name.

/** @typedef {Object<string, string>} Policy          feature to value */
/** @typedef {{id: string, title: string, word: string, owner: string}} Value */
/** @typedef {{id: string, title: string, sentence: string, control: boolean, values: Value[]}} Feature */
/** @typedef {{feature: string, to: string, title: string, policy: Policy, breaks: string|null}} Drop */
/** @typedef {{id: string, title: string, policy: Policy, kind: string, drops: Drop[]}} Chip */
/** @typedef {{id: string, title: string, policy: Policy, expected?: boolean}} Named */
/** @typedef {{id: string, title: string, sentence: string, advisory: boolean}} Property */
/** @typedef {{key: string, kind: string, text: string}} Looker */
/** @typedef {{v: string, by: string}} Cell */
/**
 * @typedef {{key: string, kind: string, title: string, note: string, cells: (Cell|null)[], lookers: number[]}}
 *   Row
 */
/** @typedef {{row?: string, cell?: number|null, looker?: string, actor?: string}} Place */
/** @typedef {{property: string, sentence: string, kind: string, places: Place[], parts: string[]}} Mark */
/**
 * @typedef {Object} View
 * @property {number[]} rows
 * @property {number[]} graph                              words, parallel to head.graph.parts
 * @property {[number, number, number, number][]} next     step, view (-1: not here), set of policies, text
 * @property {[number, number, string|number, number][]} stuck    actor, step, what says no, set of policies
 * @property {string[]} notes
 * @property {Object<string, number>} [marks]              property to mark, where it is broken here
 */
/**
 * @typedef {{n?: number, actor: string, rule: string, op: string, folio?: string,
 *   line: number|null, says: string, kernel: string}} Step
 */
/** @typedef {{from: number, to: number, kind: string, text: string}} Arrow */
/**
 * @typedef {Object} Run
 * @property {[number, number][]} steps                    step, text of its effect (0: none)
 * @property {number[]} states                             views, one more than steps
 * @property {number} depth
 * @property {string} why
 * @property {Object<string, [number, number][]>} bars     property to [from state, mark]
 * @property {Arrow[]} arrows
 * @property {Object<string, {from: number, to: number, text: string}>} arcs
 * @property {number[]|null} mirrors                       for each step the step of the reference, or -1
 * @property {number|null} differs
 * @property {string} differs_text
 */
/**
 * @typedef {Object} Tables
 * @property {Step[]} steps
 * @property {string[]} texts
 * @property {string[]} words                              of the graph
 * @property {Row[]} rows
 * @property {Looker[]} lookers
 * @property {(Mark|null)[]} marks
 * @property {View[]} views
 * @property {Run[]} runs
 */
/**
 * @typedef {Object} Answer
 * @property {Tables} tables
 * @property {string|null} property                        whose run it is
 * @property {number|null} run
 * @property {number|null} reference                       the schedule that broke Tux3
 * @property {number|null} follow                          the same schedule under the policy
 * @property {string} [name]                               the reference's policy in words
 * @property {Policy|null} [broke]                         the reference's policy
 * @property {string} [told]                               how much was explored
 * @property {string} [error]
 */
/** @typedef {{policy: Policy, property: string|null, step: number|null}} State */
/**
 * @typedef {Object} Host
 * @property {any} head
 * @property {string} css
 * @property {boolean} [lab]
 * @property {{name: string, title: string, family: string, verdict: string}[]} [cases]   to choose from
 * @property {(name: string) => void} [choose]
 * @property {() => {state: State, trouble: string}} load
 * @property {(state: State, push: boolean) => void} save
 * @property {(state: State) => string} link
 * @property {(policy: Policy, property: string|null) => Promise<Answer>} answer
 * @property {(policy: Policy, against: Policy, property: string) => Promise<Answer>} compare
 * @property {(own: Own, next: [number, number, number, number]) => Promise<Answer>} step
 * @property {(own: Own) => Promise<Answer>} finish
 * @property {(text: string) => void} [slow]             called where the kernel is silent
 * @property {(listener: () => void) => () => void} onLoad  calls back when the state was changed elsewhere
 */
/** A schedule so far.
 * @typedef {{policy: Policy, property: string|null, answer: Answer, run: Run, at: number}} Own */

export {};
