"""A search on disk: its layers, and what it has told so far; a search that ended early goes on from there.

``layer-0012.npz`` has what arrived in layer 12, shard by shard; ``search.json`` says whose search this is, how many
layers are whole, and what they have told. It is written last, so that what it speaks of is there.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tux3nb.cluster.connect import fingerprint
from tux3nb.cluster.sets import Ids, Texts, text_of
from tux3nb.cluster.shard import Layer, Report, heard, told
from tux3nb.engine.family import Family
from tux3nb.engine.result import Exploration
from tux3nb.errors import UserError
from tux3nb.paths import writable_folder, write_whole

NAME = "search.json"
ARRAYS = ("words", "which", "texts", "late", "counts")
OTHER = {
    "code": "made by tux3nb {}, and this is {}",
    "case": "of {}, not of {}",
    "columns": "of a case of the same name that differs",
    "family": "of other policies",
}
REMEDY = "name another folder, or remove this one"


@dataclass(eq=False)
class Checkpoint:
    """The folder of one search. identity: what it must have been made by, to be gone on with."""

    folder: Path
    identity: dict[str, Any]
    written: int = 0

    @classmethod
    def of(cls, folder: str, case: Any, family: Family) -> Checkpoint:
        """The checkpoint in a folder, which is made. UserError where the folder has another search, or other files."""
        columns = hashlib.sha256(repr((type(case).__name__, sorted(_fields(case).items()))).encode()).hexdigest()[:16]
        varied = hashlib.sha256(text_of(family.all).encode()).hexdigest()[:16]
        found = cls(Path(folder), {"code": fingerprint(), "case": case.name, "columns": columns, "family": varied})
        found.head()
        return found

    def head(self) -> dict[str, Any] | None:
        """What the folder says, or None where it is empty or not there. UserError where it is not of this search."""
        path = self.folder / NAME
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"{self.folder} is no folder")
        if not path.exists():
            if self.folder.is_dir() and any(p for p in self.folder.iterdir() if not _ours(p)):
                raise UserError(f"{self.folder} has other files and no {NAME}: {REMEDY}")
            return None
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            known = found["identity"]
        except (OSError, ValueError, KeyError, TypeError):
            raise self._damaged(path) from None
        for key, mine in self.identity.items():
            if known.get(key) != mine:
                raise UserError(f"{self.folder} is a checkpoint {OTHER[key].format(known.get(key), mine)}: {REMEDY}")
        return found

    def _damaged(self, path: Path) -> UserError:
        return UserError(f"{path} is damaged: {REMEDY}")

    # ---- writing -------------------------------------------------------------------------------------------
    def keep(self, layers: list[list[Any]], gather: Any, run: Exploration, texts: Texts) -> None:
        """Write the layers that are not written yet (futures by shard, which `gather` fetches), and what was told."""
        writable_folder(self.folder)
        for depth in range(self.written, len(layers[0])):
            arrays: dict[str, np.ndarray] = {}
            for shard, mine in enumerate(layers):
                layer = gather([mine[depth]])[0]
                arrays[f"words-{shard}"], arrays[f"which-{shard}"] = layer.words, layer.ids.which
                arrays[f"late-{shard}"] = layer.late
                arrays[f"counts-{shard}"] = np.array([layer.new, layer.begin])
                arrays[f"texts-{shard}"] = np.frombuffer("\n".join(layer.ids.texts).encode(), np.uint8)
            out = io.BytesIO()
            np.savez(out, **arrays)
            write_whole(self.folder / f"layer-{depth:04}.npz", out.getvalue())
        self.written = len(layers[0])
        whole = {"identity": self.identity, "layers": self.written, "shards": len(layers), "run": _told(run, texts)}
        write_whole(self.folder / NAME, json.dumps(whole))

    # ---- going on ------------------------------------------------------------------------------------------
    def restore(self, run: Exploration, texts: Texts, head: dict[str, Any]) -> None:
        """Make an exploration say what the search had told."""
        try:
            restore(run, texts, head["run"])
            self.written = int(head["layers"])
        except (ValueError, KeyError, TypeError, IndexError, UserError):
            raise self._damaged(self.folder / NAME) from None

    def layer(self, depth: int, shards: int) -> list[Layer]:
        """What arrived in a layer, shard by shard."""
        path = self.folder / f"layer-{depth:04}.npz"
        try:
            with np.load(path, allow_pickle=False) as found:
                out = []
                for shard in range(shards):
                    words, which, texts, late, counts = (found[f"{name}-{shard}"] for name in ARRAYS)
                    ids = Ids(which, texts.tobytes().decode().split("\n") if len(texts) else [])
                    out.append(Layer(words, ids, int(counts[0]), int(counts[1]), late, "checkpoint"))
                return out
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            raise self._damaged(path) from None


def _ours(path: Path) -> bool:
    return path.name.startswith(("layer-", ".tux3nb-"))


def _fields(case: Any) -> dict[str, Any]:
    """What a case explores, and not what is said of it."""
    names = ("columns", "mappings", "folios", "deltas", "judges", "stable_device", "pages", "endless_disk",
             "tight_memory", "shmem", "choices")  # fmt: skip
    return {name: getattr(case, name, None) for name in names}


# ---- an exploration as data -----------------------------------------------------------------------------------
def _told(run: Exploration, texts: Texts) -> dict[str, Any]:
    report = told(run, texts)
    depths = [texts.text(k) for k in run.depths]
    return {"states": run.shared_states, "depths": depths, "found": report.violations, "named": report.named}


def restore(run: Exploration, texts: Texts, data: dict[str, Any]) -> None:
    """Make an exploration say what it had told, and nothing else. Raises ValueError, KeyError, TypeError, IndexError
    for what is none.
    """
    depths = [texts.number(t) for t in data["depths"]]
    reached, limits, fired, *counted = data["named"]
    named = [reached, limits, {int(k): text for k, text in fired.items()}, *counted]
    run.shared_states = int(data["states"])
    for known in (run.violations, run._violated, run.reached, run.limits, run.fired, run.state_sets, run.edge_sets):
        known.clear()
    run.depths[:] = depths
    heard(run, texts, Report(data["found"], named))
