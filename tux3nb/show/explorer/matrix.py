"""The named policies' verdicts on one case, property by property: one exploration answers for all of them."""

from __future__ import annotations

from typing import Any

from tux3nb.answers.judge import judge
from tux3nb.engine.family import Listed
from tux3nb.model.features import FEATURES
from tux3nb.show.explorer.answers import CaseSource


def named_verdicts(source: CaseSource) -> dict[str, Any]:
    """Preset id -> {"verdict", "rows": property -> verdict}, for the presets that the explorer offers."""
    presets = source.document_head["presets"]
    judged = judge(source.case, Listed(FEATURES, [preset["policy"] for preset in presets]))
    answers = {preset["id"]: judged.answer(preset["policy"], runs=False) for preset in presets}
    return {
        name: {"verdict": a.verdict, "rows": {row.property: str(row) for row in a.rows}} for name, a in answers.items()
    }
