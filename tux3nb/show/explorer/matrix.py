"""The named policies' verdicts on one case, property by property: one exploration answers for all of them."""

from __future__ import annotations

from typing import Any

from tux3nb.answers.judge import judge
from tux3nb.engine.policy import Family
from tux3nb.model.features import FEATURES
from tux3nb.show.explorer.answers import CaseSource


def named_verdicts(source: CaseSource) -> dict[str, Any]:
    """Preset id -> {"verdict", "rows": property -> verdict}, for the presets that the explorer offers."""
    presets = source.document_head["presets"]
    family = Family.listed(FEATURES, [preset["policy"] for preset in presets])
    judged = judge(source.case, family)
    answers = {preset["id"]: judged.answer(k, family) for k, preset in enumerate(presets)}
    return {
        name: {"verdict": a.verdict, "rows": {row.property: str(row) for row in a.rows}} for name, a in answers.items()
    }
