"""The front end as one ES module and one style sheet: the files of ``static/`` joined, nothing compiled."""

import json
import re
from importlib.resources import files

from tux3nb.show.explorer.document import rules
from tux3nb.show.explorer.helps import HELP
from tux3nb.show.verdicts import SIGNS

#: Each file after those that it imports. types.js has only types.
MODULES = (
    "dom.js",
    "help.js",
    "policies.js",
    "link.js",
    "lines.js",
    "flows.js",
    "lanes.js",
    "bytes.js",
    "graph.js",
    "policy.js",
    "elsewhere.js",
    "save.js",
    "theme.js",
    "head.js",
    "panels.js",
    "schedule.js",
    "view.js",
    "book.js",
    "page.js",
    "lab.js",
)
_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=async |class |const |function )", re.MULTILINE)


def _asset(name: str) -> str:
    return files("tux3nb.show.explorer").joinpath("static", name).read_text(encoding="utf-8")


def module() -> str:
    """Return the module that JupyterLab loads and that stands in a page; it exports `render`, as anywidget wants it."""
    joined = "\n".join(_EXPORT.sub("", _IMPORT.sub("", _asset(name))) for name in MODULES)
    signs = {word: (sign.says, *sign.shape) for word, sign in SIGNS.items()}
    for name, table in {"help": HELP, "rules": rules(), "signs": signs}.items():
        told = json.dumps(table, separators=(",", ":")).replace("</", "<\\/")
        joined = joined.replace(f"{{}}; /*{name}*/", f"{told};")
    return f"{joined}\nexport default {{ render }};\n"


def css() -> str:
    """Return the explorer's style sheet with the pictures' dark palette filled in."""
    dark = files("tux3nb.show.picture").joinpath("dark.css").read_text(encoding="utf-8")
    return _asset("explorer.css").replace("/*dark*/", dark)
