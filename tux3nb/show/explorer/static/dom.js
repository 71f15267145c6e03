// Small helpers that make elements. Texts of data become text nodes, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** @param {Element} el @param {Object<string, any>} props @param {any[]} kids */
function filled(el, props, kids) {
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
    else if (value === true) el.setAttribute(key, "");
    else if (value !== false && value != null) el.setAttribute(key, String(value));
  }
  el.append(...kids.flat(3).filter((kid) => kid != null && kid !== false));
  return el;
}

/** @template {keyof HTMLElementTagNameMap} T @param {T} tag @returns {HTMLElementTagNameMap[T]} */
export function h(tag, props = {}, ...kids) {
  return /** @type {any} */ (filled(document.createElement(tag), props, kids));
}

/** An SVG element. @param {string} tag @returns {SVGElement} */
export function svg(tag, props = {}, ...kids) {
  return /** @type {any} */ (filled(document.createElementNS(SVG, tag), props, kids));
}

/** @param {ParentNode} el @param {string} selector @returns {HTMLElement[]} */
export const all = (el, selector) => /** @type {HTMLElement[]} */ ([...el.querySelectorAll(selector)]);

/** Put other children into an element; the focus stays on the child with the same `data-key`.
 * @param {HTMLElement} el */
export function refill(el, ...kids) {
  const root = /** @type {ShadowRoot} */ (el.getRootNode());
  const active = root.activeElement;
  const key = active instanceof HTMLElement && el.contains(active) ? active.dataset.key : null;
  el.replaceChildren(...kids.flat(3).filter((kid) => kid != null && kid !== false));
  if (key == null) return;
  const again = all(el, "[data-key]").find((one) => one.dataset.key === key);
  (again ?? all(el, "button, [tabindex]")[0])?.focus();
}

/** A button. @param {string} key  names it while its surroundings are drawn anew @param {() => void} go */
export const button = (key, go, props = {}, ...kids) =>
  h("button", { type: "button", "data-key": key, onclick: go, ...props }, ...kids);

export const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

const stops = (bar) => all(bar, "button, a[href]").filter((one) => !one.closest("[hidden]"));

/** One Tab stop for a row of buttons; the arrows go from one to the next. @param {HTMLElement} bar */
export function roving(bar) {
  const settle = () => {
    const list = stops(bar);
    const now = list.find((one) => one.tabIndex === 0 && one.dataset.stop) ?? list[0];
    for (const one of list) one.tabIndex = one === now ? 0 : -1;
  };
  const move = (/** @type {KeyboardEvent} */ event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const list = stops(bar);
    const at = list.indexOf(/** @type {HTMLElement} */ (event.target));
    if (!by || at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    list[(at + by + list.length) % list.length].focus();
  };
  bar.addEventListener("keydown", move);
  bar.addEventListener("focusin", (event) => {
    for (const one of stops(bar)) {
      one.tabIndex = one === event.target ? 0 : -1;
      delete one.dataset.stop;
    }
    /** @type {HTMLElement} */ (event.target).dataset.stop = "1";
  });
  new MutationObserver(settle).observe(bar, { childList: true, subtree: true, attributeFilter: ["hidden"] });
  settle();
  return bar;
}

// ---- the signs: each its own shape, and a word; verdicts.py has them, and they are put in here

/** @type {Object<string, [string, string, string]>}  verdict to (in words, the path that is filled, the one on it) */
export const SIGNS = {}; /*signs*/

export const NONE = ["no such policy", "", "M3 8h10"];

/** A verdict in words. @param {string} verdict */
export const saying = (verdict) => (SIGNS[verdict] ?? NONE)[0];

export const look = (verdict) => `v-${(verdict ?? "NONE").replace(/\W+/g, "-").replace(/-$/, "")}`;

/** The sign of a verdict; `quiet`: its word stands beside it already. */
export function sign(verdict, quiet = false) {
  const [says, outer, inner] = SIGNS[verdict] ?? NONE;
  return h(
    "span",
    { class: `sign ${look(verdict in SIGNS ? verdict : null)}`, title: quiet ? null : says },
    svg(
      "svg",
      { viewBox: "0 0 16 16", "aria-hidden": "true" },
      svg("path", { class: "outer", d: outer }),
      svg("path", { class: "inner", d: inner }),
    ),
    quiet ? null : h("span", { class: "unseen" }, ` ${says} `),
  );
}
