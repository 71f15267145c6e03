"""The command ``tux3nb witness``."""

import argparse
import json
import signal
import sys
import textwrap

from tux3nb.errors import positive
from tux3nb.paths import data_dir, writable_folder
from tux3nb.witness.base import Report, Verdict
from tux3nb.witness.recordings import kernel_facts
from tux3nb.witness.runner import run_witnesses, select
from tux3nb.witness.sandbox import choose_scratch, scratch_notice

ALL_AS_EXPECTED, DIFFERENCE, UNFINISHED = 0, 1, 3
INTERRUPTED = 128 + signal.SIGINT


def configure(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments to ``parser``."""
    parser.description = "Run small experiments on the running Linux kernel and compare them with the model."
    parser.epilog = (
        "Exit codes: 0 nothing differs (SKIPPED and UNKNOWN are no difference), 1 something DIFFERS, "
        "2 bad input, 3 something unfinished (time limit or crash), 130 interrupted."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="witnesses to run (default: all)")
    parser.add_argument("--list", action="store_true", help="list the witnesses and run none")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--record", action="store_true", help="write data/witness and data/traces")
    parser.add_argument("--invasive", action="store_true", help="allow changing system-wide settings briefly")
    parser.add_argument("--scratch", metavar="DIR", help="an existing folder on a disk to work in")
    parser.add_argument("--timeout", type=positive(float), metavar="S", help="seconds for each witness")


def run(args: argparse.Namespace) -> int:
    """Carry the command out; its exit code. UserError for bad input."""
    witnesses = select(args.names)
    if args.list:
        _print_list(witnesses, args.json)
        return ALL_AS_EXPECTED
    notice = scratch_notice(choose_scratch(args.scratch))
    if args.record:
        writable_folder(data_dir())
    if notice:
        print(f"tux3nb witness: {notice}", file=sys.stderr)
    before = signal.signal(signal.SIGTERM, _leave)  # so that a plain kill still cleans up
    reports: list[Report] = []
    code = None

    def done(report: Report):
        reports.append(report)
        (_say if args.json else _print_report)(report)

    try:
        run_witnesses(
            args.names,
            scratch=args.scratch,
            invasive=args.invasive,
            timeout=args.timeout,
            save=args.record,
            started=_announce,
            progress=done,
        )
    except KeyboardInterrupt:
        print("tux3nb witness: interrupted; everything was given back", file=sys.stderr)
        code = INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
    if args.json:
        rows = [report.to_json() for report in reports]
        print(json.dumps({"kernel": kernel_facts(), "witnesses": rows}, indent=1))
    return exit_code(reports) if code is None else code


def exit_code(reports: list[Report]) -> int:
    """1 when anything DIFFERS, else 3 when anything is unfinished, else 0."""
    if any(report.verdict is Verdict.DIFFERS for report in reports):
        return DIFFERENCE
    return ALL_AS_EXPECTED if all(report.finished for report in reports) else UNFINISHED


def _leave(_number, _frame):
    raise SystemExit(128 + signal.SIGTERM)


def _announce(witness) -> None:
    print(f"{witness.name} ...", file=sys.stderr, flush=True)


def _say(report: Report) -> None:
    print(f"{report.witness.name}: {_verdict(report)} in {report.seconds:.1f} s", file=sys.stderr, flush=True)


def _verdict(report: Report) -> str:
    return f"{report.verdict}({report.reason})" if report.verdict is Verdict.SKIPPED else str(report.verdict)


def _print_report(report: Report) -> None:
    witness = report.witness
    print(f"{witness.name}  [{witness.case}]  {_verdict(report)}")
    print(f"  question   {witness.question}")
    print(f"  model      {witness.model_says}")
    for claim in witness.claims:
        told = (f"{fact}: {json.dumps(value)}" for fact, value in claim.predicts.items() if value is not None)
        line = f"  predicts   {claim}; so {', '.join(told) or 'nothing follows'}"
        print(textwrap.fill(line, 120, subsequent_indent=" " * 13))
    if witness.beyond:
        print(f"  no case    {witness.beyond}")
    if report.verdict is Verdict.SKIPPED:
        print(flush=True)
        return
    for key, seen in report.observed.items():
        print(f"  observed   {key}: {'unknown' if seen is None else json.dumps(seen)}")
    print(f"  because    {report.reason}")
    if report.recorded is not None:
        print(f"  recording  {'the same facts' if report.recorded else 'other facts'}")
    if report.damaged:
        print(f"  recording  {report.damaged}")
    print(flush=True)


def _print_list(witnesses, as_json: bool) -> None:
    if as_json:
        rows = [{"name": w.name, "case": w.case, "question": w.question, "needs": list(w.needs)} for w in witnesses]
        print(json.dumps({"kernel": kernel_facts(), "witnesses": rows}, indent=1))
        return
    for witness in witnesses:
        needs = f"  (needs {', '.join(witness.needs)})" if witness.needs else ""
        print(f"{witness.name:24} {witness.case:10} {witness.question}{needs}")
