// Sliders that weigh the costs of a table of policies. A page that has such a table needs nothing else; with scripts off
// the table stands as it is. A weight of 0 leaves a cost out, and the front is that of the costs which are left.

/** @typedef {{row: HTMLTableRowElement, costs: number[], safe: boolean}} Policy */

/** The policies of a table, in its order. @param {HTMLTableElement} table @returns {Policy[]} */
function policiesOf(table) {
  return [...table.tBodies[0].rows].filter((row) => row.querySelector(".tux-front")).map((row) => ({
    row,
    costs: [...row.querySelectorAll("[title]")].map((cell) => Number(cell.getAttribute("title"))),
    safe: row.classList.contains("tux-safe"),
  }));
}

/** Whether `a` is as low in each cost that counts, and lower in one. */
function beats(/** @type {number[]} */ a, /** @type {number[]} */ b, /** @type {number[]} */ weights) {
  const counted = weights.map((w, k) => (w > 0 ? k : -1)).filter((k) => k >= 0);
  return counted.every((k) => a[k] <= b[k]) && counted.some((k) => a[k] < b[k]);
}

/** Sort the rows by their weighted costs, each as a share of the highest; mark those that no safe one beats. */
function weigh(/** @type {HTMLTableElement} */ table, /** @type {Policy[]} */ policies, /** @type {number[]} */ weights) {
  const highest = weights.map((_, k) => Math.max(...policies.map((p) => p.costs[k])) || 1);
  const score = (/** @type {Policy} */ p) => p.costs.reduce((sum, cost, k) => sum + (weights[k] * cost) / highest[k], 0);
  const safe = policies.filter((p) => p.safe);
  for (const p of [...policies].sort((a, b) => Number(b.safe) - Number(a.safe) || score(a) - score(b))) {
    const best = p.safe && !safe.some((other) => beats(other.costs, p.costs, weights));
    const mark = p.row.querySelector(".tux-front");
    mark.textContent = `${p.safe ? (best ? "on the front" : "beaten") : "not safe"}, ${score(p).toFixed(2)}`;
    p.row.style.opacity = best ? "1" : ".8";
    table.tBodies[0].append(p.row);
  }
}

/** One slider for a cost. */
function slider(/** @type {string} */ name, /** @type {() => void} */ changed) {
  const label = document.createElement("label"), input = document.createElement("input"), told = document.createElement("output");
  Object.assign(input, { type: "range", min: "0", max: "3", step: "0.5", value: "1" });
  Object.assign(label.style, { display: "inline-block", margin: "2px 10px 2px 0" });
  told.value = "1";
  label.append(`${name} `, input, " ", told);
  input.addEventListener("input", () => {
    told.value = input.value;
    changed();
  });
  return { label, input };
}

/** Put the sliders above a table. */
function start(/** @type {HTMLTableElement} */ table) {
  if (table.dataset.weighed || !table.tHead || !table.querySelector(".tux-front")) return;
  table.dataset.weighed = "yes";
  const policies = policiesOf(table), box = document.createElement("fieldset"), legend = document.createElement("legend");
  const again = () => weigh(table, policies, sliders.map((s) => Number(s.input.value)));
  const names = [...table.tHead.rows[0].cells].slice(-policies[0].costs.length);
  const sliders = names.map((cell) => slider(cell.textContent, again));
  legend.textContent = "How much does each cost weigh? (0: not at all)";
  box.append(legend, ...sliders.map((s) => s.label));
  table.before(box);
  again();
}

document.querySelectorAll("table.tux-weights").forEach((table) => start(/** @type {HTMLTableElement} */ (table)));
