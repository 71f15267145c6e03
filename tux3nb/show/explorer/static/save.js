// What can be taken away: Python, columns for a mail, an SVG and a PNG.

import { svg } from "./dom.js";
import { acting, aligned, folded, operations } from "./lines.js";

/** @typedef {import("./lines.js").Side} Side */

/** The call that shows the same in Python: the run that breaks the property, else the schedule that breaks it
 * elsewhere, under both policies. @param {import("./types.js").Policy|null} [broke]  whose schedule that is */
export function python(policies, { policy, property }, broke) {
  const name = policies.head.case.name;
  const { id, changes } = policies.named(policy);
  if (broke && policies.verdict(policy, property) !== "VIOLATED" && !policies.same(broke, policy)) {
    const [one, other] = [broke, policy].map((p) => asArgument(policies, p));
    const call = `compare("${name}", ${one}, ${other}${property ? `, "${property}"` : ""})`;
    return `from tux3nb.notebook import compare\n${call}`;
  }
  const values = changes.map(([feature, value]) => `, ${feature}="${value}"`).join("");
  const broken = policies.verdict(policy, property) === "VIOLATED";
  const call = `lanes(check("${name}", "${id}"${values})${broken ? `, "${property}"` : ""})`;
  return `from tux3nb.notebook import check, lanes\n${call}`;
}

/** The call that opens this view in a notebook, where an address would lead nowhere. */
export function opens(policies, { policy, property, step }) {
  const view = [property ? `, property="${property}"` : "", step == null ? "" : `, step=${step}`].join("");
  return `explorer("${policies.head.case.name}", ${asArgument(policies, policy)}${view})`;
}

/** A policy as Python takes it: its name, or what differs from the case's own. */
function asArgument(policies, policy) {
  const { id, changes } = policies.named(policy);
  if (!changes.length) return `"${id}"`;
  const base = policies.head.chips[0].policy;
  const told = policies.differences(policy, base).map(([feature, value]) => `"${feature}": "${value}"`);
  return `{${told.join(", ")}}`;
}

/** The rows of a run: number, actor, operation, effect. @param {Side} side */
function told(side) {
  const lines = aligned([side]);
  const begun = operations(side);
  return folded([side], lines, [begun]).map(({ from, to }) => {
    const [number, text] = side.run.steps[from];
    const { actor } = side.tables.steps[number];
    return { from, to, actor, op: begun.get(from)?.op ?? "", effect: side.tables.texts[text] };
  });
}

/** A run as columns of plain text. @param {any} head @param {Side} side @param {string[]} above */
export function columns(head, side, above) {
  const actors = acting(head, [side]);
  const width = Math.max(10, Math.min(18, Math.floor(68 / actors.length)));
  const place = (actor) => " ".repeat(5 + width * actors.findIndex(({ id }) => id === actor));
  const lines = [...above, "", `     ${actors.map(({ title }) => title.padEnd(width)).join("")}`.trimEnd()];
  for (const { from, actor, op, effect } of told(side)) {
    const number = String(from + 1).padStart(3);
    const texts = [op, effect && (op ? `  ${effect}` : effect)].filter(Boolean);
    (texts.length ? texts : ["."]).forEach((text, n) =>
      lines.push(`${n ? "   " : number}${place(actor).slice(3)}${text}`),
    );
  }
  return `${lines.join("\n")}\n`;
}

const FONT = "12px Helvetica, Arial, 'Liberation Sans', sans-serif";
const text = (x, y, words, props = {}) => svg("text", { x, y, fill: "#1f2328", ...props }, words);

/** The lanes as shapes; gives them and their size. */
function drawnLanes(head, side, at) {
  const actors = acting(head, [side]);
  const wide = 150;
  const rows = told(side);
  const parts = actors.map(({ title }, n) => [
    svg("rect", { x: 34 + n * wide, y: 26, width: wide - 8, height: rows.length * 20 + 8, fill: "#f6f8fa" }),
    text(40 + n * wide, 18, title, { "font-weight": 700 }),
  ]);
  rows.forEach(({ from, to, actor, op, effect }, n) => {
    const x = 40 + wide * actors.findIndex(({ id }) => id === actor);
    const y = 44 + n * 20;
    const now = at > from && at <= to + 1;
    if (now)
      parts.push(
        svg("rect", { x: 4, y: y - 14, width: 30 + wide * actors.length, height: 19, fill: "#fff1c2" }),
      );
    const dots = effect || op ? "" : "·";
    parts.push(
      text(26, y, from + 1, { "text-anchor": "end", fill: "#4d5560" }),
      text(x, y, [op, effect].filter(Boolean).join(": ") || dots, effect ? { "font-weight": 600 } : {}),
    );
  });
  return { parts, width: 40 + wide * actors.length, height: 44 + rows.length * 20 };
}

/** The bytes as shapes. */
function drawnBytes(tables, view, mark, left) {
  const parts = [text(left, 18, "Where the bytes are, and who looks there", { "font-weight": 700 })];
  let y = 30;
  const ends = [];
  for (const number of view.rows) {
    const row = tables.rows[number];
    const whole = mark?.places.some((place) => place.row === row.key && place.cell == null);
    parts.push(
      text(left, y + 16, row.title, { "font-weight": 700, ...(whole ? { fill: "#a40e1c" } : {}) }),
      text(left, y + 31, row.note, { fill: "#4d5560" }),
    );
    row.cells.forEach((cell, n) => {
      if (!cell) return;
      const bad = mark?.places.some((place) => place.row === row.key && place.cell === n);
      const x = left + 130 + n * 104;
      if (bad) ends.push({ x: x + 48, y });
      parts.push(
        svg("rect", {
          x,
          y,
          width: 96,
          height: 32,
          fill: bad ? "#ffe9e6" : "#fff",
          stroke: bad ? "#a40e1c" : "#6e7781",
          "stroke-width": bad ? 3 : 1,
        }),
        text(x + 48, y + 21, `${cell.v} ${cell.by}`.trim(), { "text-anchor": "middle", "font-weight": 700 }),
      );
    });
    row.lookers.forEach((looker, n) =>
      parts.push(
        text(left + 140 + row.cells.length * 104, y + 12 + n * 16, `← ${tables.lookers[looker].text}`),
      ),
    );
    y += Math.max(56, row.lookers.length * 16 + 18);
  }
  if (mark?.kind === "differ" && ends.length === 2) {
    const middle = (ends[0].y + 32 + ends[1].y) / 2;
    parts.push(
      svg("path", {
        d: `M${ends[0].x} ${ends[0].y + 32}L${ends[1].x} ${ends[1].y}`,
        stroke: "#a40e1c",
        "stroke-width": 3,
      }),
      svg("circle", { cx: ends[0].x, cy: middle, r: 10, fill: "#fff", stroke: "#a40e1c" }),
      text(ends[0].x, middle + 5, "≠", { "text-anchor": "middle", fill: "#a40e1c", "font-weight": 700 }),
    );
  }
  return { parts, width: 640, height: y };
}

/** The view as one SVG: lanes, bytes, and the sentence under them. */
export function picture(head, side, at, view, mark, sentence) {
  const lanes = drawnLanes(head, side, at);
  const bytes = drawnBytes(side.tables, view, mark, lanes.width + 24);
  const [width, height] = [lanes.width + bytes.width, Math.max(lanes.height, bytes.height) + 40];
  return svg(
    "svg",
    { width, height, viewBox: `0 0 ${width} ${height}`, style: `font: ${FONT}` },
    svg("rect", { width: "100%", height: "100%", fill: "#fff" }),
    lanes.parts,
    bytes.parts,
    text(8, height - 12, sentence, { "font-weight": 700 }),
  );
}

const asUrl = (el) =>
  `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(el))}`;

function download(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}

/** @param {SVGElement} el @param {string} name */
export const saveSvg = (el, name) => download(asUrl(el), `${name}.svg`);

/** Twice the size, on white. @param {SVGElement} el @param {string} name */
export async function savePng(el, name) {
  const image = new Image();
  image.src = asUrl(el);
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width * 2, image.height * 2];
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  download(canvas.toDataURL("image/png"), `${name}.png`);
}

/** Put a text on the clipboard; false where the browser does not let us. @param {string} words */
export async function copy(words) {
  try {
    await navigator.clipboard.writeText(words);
    return true;
  } catch {
    return false;
  }
}
