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

// ---- the five signs: each its own shape, and a word

export const SAID = {
  HOLDS: "holds",
  VIOLATED: "broken",
  "HOLDS(refused)": "holds, because somebody is turned away",
  "HOLDS(unreached)": "holds, but what it is about never happens",
  UNFINISHED: "not finished",
  NONE: "no such policy",
};

const SHAPES = {
  HOLDS: ["M8 1a7 7 0 1 0 .01 0z", "M4.5 8.3l2.5 2.5 4.6-5.2"],
  VIOLATED: ["M5 1h6l4 4v6l-4 4H5l-4-4V5z", "M5 5l6 6M11 5l-6 6"],
  "HOLDS(refused)": ["M8 1l7 7-7 7-7-7z", "M4.8 11.2l6.4-6.4"],
  "HOLDS(unreached)": ["M1.5 1.5h13v13h-13z", "M8 5a3 3 0 1 0 .01 0zM4.5 11.5l7-7"],
  UNFINISHED: ["M8 1l7.4 13.4H.6z", "M8 5.5v4M8 11.4v1.2"],
  NONE: ["", "M3 8h10"],
};

export const look = (verdict) => `v-${(verdict ?? "NONE").replace(/\W+/g, "-").replace(/-$/, "")}`;

/** The sign of a verdict; `quiet`: its word stands beside it already. */
export function sign(verdict, quiet = false) {
  const name = verdict in SHAPES ? verdict : "NONE";
  const [outer, inner] = SHAPES[name];
  return h(
    "span",
    { class: `sign ${look(name)}`, title: quiet ? null : SAID[name] },
    svg(
      "svg",
      { viewBox: "0 0 16 16", "aria-hidden": "true" },
      svg("path", { class: "outer", d: outer }),
      svg("path", { class: "inner", d: inner }),
    ),
    quiet ? null : h("span", { class: "unseen" }, ` ${SAID[name]} `),
  );
}
