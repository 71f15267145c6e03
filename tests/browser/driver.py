"""Pages with explorers, and what a test asks of one that is on the screen."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tux3nb.show.explorer.assets import css, module
from tux3nb.show.explorer.document import pack

CSP = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def packed(document: Mapping[str, Any]) -> str:
    """The <script> with a document, as a page carries it."""
    data = pack(document)
    case = document["case"]
    return (
        f'<script type="application/json" data-case="{case["name"]}" data-title="{case["title"]}" '
        f'data-family="{case["family"]}" data-verdict="VIOLATED">{json.dumps(data)}</script>'
    )


def page_of(*explorers: Sequence[Mapping[str, Any]]) -> str:
    """A page like a report's: an explorer for each list of documents, more than one document being a choice."""
    inside = ["".join(map(packed, documents)) for documents in explorers]
    elements = "".join(f"<tux-explorer><p>static</p>{scripts}</tux-explorer>" for scripts in inside)
    style = json.dumps(css()).replace("</", "<\\/")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>explorers</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{CSP}">'
        f'<meta name="viewport" content="width=device-width"></head>'
        f'<body style="margin: 8px 24px"><main><h1 style="margin: 0; font-size: 18px">Explorers</h1>'
        f'<h2 id="heading">A heading</h2>{elements}</main>'
        f'<script type="application/json" id="tux-explorer-css">{style}</script>'
        f'<script type="module">{module()}</script>'
        f"</body></html>"
    )


def write(path: Path, *explorers: Sequence[Mapping[str, Any]]) -> str:
    """Write such a page; gives its address."""
    path.write_text(page_of(*explorers), encoding="utf-8")
    return path.as_uri()


#: What the functions below share: `el` is the explorer's element, `root` its inside.
_COMMON = """
const root = el.shadowRoot, all = (css) => [...root.querySelectorAll(css)], one = (css) => root.querySelector(css);
const text = (found) => found ? found.textContent.replace(/\\s+/g, ' ').trim() : '';
const idle = async () => {
  do await new Promise((done) => setTimeout(done)); while (one('[aria-busy]'));
};
const buttons = () => all('button[data-key]:not([disabled])').filter((b) => b.checkVisibility());
const trouble = () => {
  if (!all('.list [role=option]').length || !one('.list').checkVisibility()) return 'no run';
  if (!one('.panel').textContent.trim()) return 'an empty panel';
  if (one('.ends').checkVisibility() && text(one('.ends')) === 'next') return 'nothing is said of what is next';
  return text(one('.verdict')) ? '' : 'no verdict';
};
const marks = () => all('.bytes td.broken').length - all('.unlike').length + all('.seen .broken').length
  + all('tr.broken').length + all('.end.broken').length;
"""
#: Press every control from each of some policies, those of a pop-up and some links of a panel, too; with `most` only so
#: many controls, chosen by `seed`. Gives how many were pressed, and where no run was left.
_CRAWL = (
    """async (el, { firsts, most, seed }) => {"""
    + _COMMON
    + """
  const skip = /^(svg|png|link|python|columns)$/;
  let rolled = seed, pressed = 0;
  const roll = () => (rolled = (rolled * 48271) % 2147483647) / 2147483647;
  const failed = [];
  const find = (key) => buttons().find((b) => b.dataset.key === key);
  const press = async (b, told) => {
    b.click();
    await idle();
    pressed++;
    const why = trouble();
    if (why) failed.push([...told, why]);
  };
  for (const first of firsts) {
    const again = async () => {
      find('close')?.click();
      if (find('pair')?.ariaPressed === 'true') find('pair').click();
      find(first).click();
      await idle();
    };
    await again();
    const keys = buttons().map((b) => b.dataset.key).filter((key) => !skip.test(key) && key !== first);
    const share = most ? most / keys.length / firsts.length : 1;
    for (const key of keys.filter(() => roll() < share)) {
      if (!find(key)) await again();
      if (!find(key)) continue;
      await press(find(key), [first, key]);
      for (const inside of buttons().map((b) => b.dataset.key).filter((k) => k.startsWith('value-'))) {
        if (!find(inside)) find(key)?.click();
        if (find(inside)) await press(find(inside), [first, key, inside]);
      }
      if (/^tab-/.test(key)) {
        const count = all('.panel a').length;
        const some = Math.min(1, (most ? 4 : 12) / count);
        for (let n = 0; n < count; n++) {
          if (roll() < some) await press(all('.panel a')[n % all('.panel a').length], [first, key, n]);
        }
      }
      if (!/^(tab|first|back|on|last|effect)/.test(key)) await again();
    }
  }
  return { pressed, failed };
}"""
)
#: Follow links one after the other; tells what is on the screen then.
_FOLLOW = (
    """async (el, fragments) => {"""
    + _COMMON
    + """
  const out = [];
  for (const fragment of fragments) {
    location.hash = fragment;
    await idle();
    const bars = Object.fromEntries(all('.prop').map((p) => [text(p.querySelector('.id')), text(p)]));
    const drawn = `${text(one('.main'))} ${all('.end.broken').map((e) => e.ariaLabel || text(e)).join(' ')}`;
    out.push({ told: text(one('.told')), verdict: text(one('.verdict')), bars, marks: marks(), drawn,
      trouble: text(one('.trouble')) || trouble() });
  }
  return out;
}"""
)
#: The words of which a part stands on another line.
_SPLIT = (
    """el => {"""
    + _COMMON
    + """
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), out = new Set();
  while (texts.nextNode()) {
    const node = texts.currentNode;
    if (!node.parentElement.checkVisibility() || node.parentElement.closest('svg, style, .unseen, select')) continue;
    for (const { index, 0: word } of node.data.matchAll(/\\w+/g)) {
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const boxes = [...range.getClientRects()].filter(({ width }) => width > 0.5);
      if (new Set(boxes.map(({ top }) => Math.round(top))).size > 1) out.add(word);
    }
  }
  return [...out];
}"""
)


class Driver:
    """One explorer of a page."""

    def __init__(self, page, number: int = 0):
        self.page = page
        self.el = page.locator("tux-explorer").nth(number)
        self.el.locator(".count").wait_for()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.el, name)

    def press(self, key: str) -> None:
        """Press the control of this name."""
        self.el.locator(f'[data-key="{key}"]').first.click()

    def text(self, selector: str) -> str:
        return " ".join(self.el.locator(selector).first.inner_text().split())

    @property
    def verdict(self) -> str:
        return self.text(".verdict")

    @property
    def trouble(self) -> str:
        return self.el.locator(".trouble").text_content()

    @property
    def step(self) -> str:
        return self.text(".count")

    def choose(self, feature: str, value: str) -> None:
        """Give a feature another value, as a reader does."""
        if not self.el.locator(f'[data-key="word-{feature}"]').count():
            self.press("more")
        self.press(f"word-{feature}")
        self.press(f"value-{value}")

    def keys(self) -> list[str]:
        """The names of all buttons and links that are on the screen now."""
        return self.el.evaluate(
            """el => [...el.shadowRoot.querySelectorAll('button[data-key]:not([disabled])')]
               .filter(one => one.checkVisibility()).map(one => one.dataset.key)"""
        )

    def focused(self) -> str:
        """What has the keyboard's focus: its name, or its class."""
        return self.el.evaluate(
            "el => { const a = el.shadowRoot.activeElement; return a ? a.dataset.key || a.className : '' }"
        )

    def shows_a_run(self) -> None:
        """A run is on the screen: steps in the lanes, and bytes or what stands in their place."""
        assert self.el.locator(".list [role=option]").count() > 0
        assert self.el.locator(".panel").inner_text().strip() or self.el.locator(".panel svg").count()
        assert self.verdict
        assert self.el.locator(".list").is_visible()

    def marks(self) -> int:
        """How many broken things are marked in the bytes and at the lanes' ends: two joined cells are one."""
        return self.el.evaluate(f"el => {{ {_COMMON} return marks(); }}")

    def split_words(self) -> list[str]:
        """The words that are broken over two lines."""
        return self.el.evaluate(_SPLIT)

    def crawl(self, firsts: Sequence[str], most: int = 0, seed: int = 7) -> dict[str, Any]:
        """Press every control (with `most`: about so many) from each of the policies of these chips."""
        return self.el.evaluate(_CRAWL, {"firsts": list(firsts), "most": most, "seed": seed})

    def follow(self, fragments: Sequence[str]) -> list[dict[str, Any]]:
        """What is on the screen after each of these links."""
        return self.el.evaluate(_FOLLOW, list(fragments))
