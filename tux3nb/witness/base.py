"""What a witness is, and how its verdict follows from two sets of facts."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tux3nb.errors import ModelError
from tux3nb.witness.claims import Claim

CASES = ("ptrace", "uprobes", "aio", "rdma", "mmap", "migration", "splice", "ordinary")

Facts = Mapping[str, bool | int | str | None]


class Skip(Exception):
    """Raised by an experiment that finds it cannot run here; the text is the reason."""


class Inconclusive(Exception):
    """Raised by an experiment that ran but could not set its stage (lost a race, say); the text says what."""


class Verdict(enum.StrEnum):
    """The answer of one witness."""

    AGREES = "AGREES"
    DIFFERS = "DIFFERS"
    UNKNOWN = "UNKNOWN"
    SKIPPED = "SKIPPED"


@dataclass(frozen=True)
class Witness:
    """One experiment.

    ``claims`` are the model's answers and the facts that follow from each; where the model has no case for the
    question, ``beyond`` says why. ``predicts`` are further facts, expected from the sources; all of these must
    be observed.  ``predicts_if_visible`` are facts that take privilege to see (frame numbers): one that
    differs counts, one that stays unknown does not. ``predicts_on`` replaces single predictions on named file
    systems.  ``needs`` are names from needs.py. ``timeout`` is in seconds.  ``function`` gets a Run
    (supervisor.py) and returns the observed facts, None standing for 'cannot be seen here'; it runs in a
    process of its own and must be a module-level function.
    """

    name: str
    case: str
    question: str
    model_says: str
    function: Callable
    sources: tuple[str, ...]
    claims: tuple[Claim, ...] = ()
    beyond: str = ""
    predicts: Facts = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    predicts_if_visible: Facts = field(default_factory=dict)
    predicts_on: Mapping[str, Facts] = field(default_factory=dict)
    timeout: float = 20.0

    def __post_init__(self):
        if self.case not in CASES:
            raise ModelError(f"witness {self.name}: no case is called {self.case!r}")
        facts = [*(fact for claim in self.claims for fact in claim.answers), *self.predicts, *self.predicts_if_visible]
        twice = {fact for fact in facts if facts.count(fact) > 1}
        if twice:
            raise ModelError(f"witness {self.name}: predicted twice: {', '.join(sorted(twice))}")

    def predictions(self, file_system: str) -> dict:
        """All predictions for an experiment whose scratch folder is on ``file_system``.

        None stands for a fact on which the model's answer predicts nothing.
        """
        claimed = {fact: value for claim in self.claims for fact, value in claim.predicts.items()}
        return {**self.predicts, **claimed, **self.predicts_if_visible, **self.predicts_on.get(file_system, {})}

    @property
    def privileged(self) -> set[str]:
        """The facts that need not be visible."""
        claimed = {fact for claim in self.claims if claim.visible_only for fact in claim.answers}
        return claimed | set(self.predicts_if_visible)


@dataclass
class Report:
    """What became of one witness.

    ``finished`` is False after a timeout or a crash; ``seconds`` is wall time; ``recorded`` compares with the
    recording in data/witness: None without one, else whether the observed facts are equal; ``damaged`` says what is
    wrong with a recording that cannot be read.
    """

    witness: Witness
    verdict: Verdict
    reason: str
    observed: dict = field(default_factory=dict)
    file_system: str = "unknown"
    finished: bool = True
    seconds: float = 0.0
    trace: dict | None = None
    recorded: bool | None = None
    damaged: str = ""

    def to_json(self) -> dict:
        """The row of the ``--json`` document; the trace, which may be long, is left out."""
        witness = self.witness
        return {
            "name": witness.name,
            "case": witness.case,
            "question": witness.question,
            "model_says": witness.model_says,
            "model": [claim.to_json() for claim in witness.claims],
            "beyond_the_model": witness.beyond,
            "verdict": str(self.verdict),
            "reason": self.reason,
            "predicts": witness.predictions(self.file_system),
            "observed": self.observed,
            "file_system": self.file_system,
            "finished": self.finished,
            "seconds": round(self.seconds, 3),
            "same_as_recorded": self.recorded,
            "damaged_recording": self.damaged,
            "needs": list(witness.needs),
            "sources": list(witness.sources),
        }


def judge(witness: Witness, observed: Facts, file_system: str = "unknown") -> tuple[Verdict, str]:
    """Compare observed facts with the predictions, key by key; the verdict and its reason."""
    predictions = witness.predictions(file_system)
    different, unknown, unsaid = [], [], []
    for key, expected in predictions.items():
        seen = observed.get(key)
        if expected is None:
            unsaid.append(key)
        elif seen is None:
            unknown.append(key)
        elif type(seen) is not type(expected) or seen != expected:
            different.append(f"{key}: the model says {_word(expected)}, this kernel {_word(seen)}")
    hidden = f"; cannot be seen here: {', '.join(unknown)}" if unknown else ""
    if different:
        return Verdict.DIFFERS, "; ".join(different) + hidden
    if unsaid:
        return Verdict.UNKNOWN, f"the model's answer predicts nothing of: {', '.join(unsaid)}" + hidden
    missing = [key for key in unknown if key not in witness.privileged]
    if missing or len(unknown) == len(predictions):
        return Verdict.UNKNOWN, "cannot be seen here: " + ", ".join(unknown)
    known = len(predictions) - len(unknown)
    return Verdict.AGREES, f"{known} fact{'s' if known > 1 else ''} as predicted{hidden}"


def _word(value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return repr(value)
