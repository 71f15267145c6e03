"""What a guard tells about the values behind it: ranges, simpler expressions, and where a read would go astray.

A step's guard pins the place in a routine, says that a folio is there, that something is left to do. Behind it most
tests of "is the index inside the array" and "does the value fit" can be decided once, while printing; what remains
is tested at run time, and every backend tests the same expression.
"""

from __future__ import annotations

from tux3nb.engine.terms import BOOL, BUILD, COMPARE, FALSE, INT, SET, Expr, conj, const, disj, negate, walk

OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
LONGEST_SHIFT = 62  # a set of versions, like any other value, has at most 63 bits

Range = tuple[int, int]


class Facts:
    """Ranges of some nodes, more narrow than their static ones. Never changed; `learn` makes a new one."""

    def __init__(self, known: dict[int, Range] | None = None, can_stray: dict[int, bool] | None = None):
        self._known = known or {}
        self._can_stray = {} if can_stray is None else can_stray  # of nodes, whatever the facts: shared by all
        self._spans: dict[int, Range] = {}
        self._simple: dict[int, Expr] = {}
        self._learnt: dict[tuple[int, bool], Facts] = {}

    def span(self, e: Expr) -> Range:
        """Lowest and highest value of `e`; a truth value counts as 0 or 1."""
        found = self._spans.get(id(e))
        if found is None:
            found = self._spans[id(e)] = _meet(self._span(e), self._known.get(id(e)))
        return found

    def _span(self, e: Expr) -> Range:
        op, a = e.op, e.args
        if op == "const":
            return a[0], a[0]
        if op == "where":
            return self._span_where(*a)
        if op not in RANGES:
            return e.lo, e.hi
        if op in COMPARE and a[0] is a[1]:
            same = int(COMPARE[op](0, 0))
            return same, same
        return RANGES[op](*[self.span(x) for x in a])

    def _span_where(self, test: Expr, a: Expr, b: Expr) -> Range:
        truth = self.span(test)
        if truth[0]:
            return self.span(a)
        if not truth[1]:
            return self.span(b)
        x, y = self.learn(test).span(a), self.learn(test, False).span(b)
        return min(x[0], y[0]), max(x[1], y[1])

    def learn(self, test: Expr, truth: bool = True) -> Facts:
        """These facts and that `test` is true (or false)."""
        key = id(test), truth
        if key not in self._learnt:
            known = dict(self._known)
            self._assume(test, truth, known)
            self._learnt[key] = Facts(known, self._can_stray)
        return self._learnt[key]

    def _assume(self, e: Expr, truth: bool, known: dict[int, Range]):
        if e.kind == SET:  # true for some policies and false for others
            return
        known[id(e)] = (int(truth), int(truth))
        if e.op == "not":
            self._assume(e.args[0], not truth, known)
        elif e.op == ("and" if truth else "or"):
            for a in e.args:
                self._assume(a, truth, known)
        elif e.op in COMPARE:
            self._assume_compare(e.op if truth else OPPOSITE[e.op], *e.args, known)

    def _assume_compare(self, op: str, a: Expr, b: Expr, known: dict[int, Range]):
        (al, ah), (bl, bh) = (_meet(self.span(x), known.get(id(x))) for x in (a, b))
        if op in (">", ">="):
            self._assume_compare({">": "<", ">=": "<="}[op], b, a, known)
        elif op == "==":
            self._narrow(a, bl, bh, known)
            self._narrow(b, al, ah, known)
        elif op == "!=":
            for x, (lo, hi), (yl, yh) in ((a, (al, ah), (bl, bh)), (b, (bl, bh), (al, ah))):
                if yl == yh and yl in (lo, hi):  # only an end can be cut off
                    self._narrow(x, lo + (yl == lo), hi - (yl == hi), known)
        else:
            less = int(op == "<")
            self._narrow(a, al, bh - less, known)
            self._narrow(b, al + less, bh, known)

    def _narrow(self, e: Expr, lo: int, hi: int, known: dict[int, Range]):
        """`e` lies in lo..hi; what is added to it or taken from it is turned round."""
        known[id(e)] = _meet(_meet(self.span(e), known.get(id(e))), (lo, hi))
        if e.op in ("+", "-") and e.args[1].is_const:
            by = e.args[1].value if e.op == "-" else -e.args[1].value
            self._narrow(e.args[0], lo + by, hi + by, known)
        elif e.op == "+" and e.args[0].is_const:
            self._narrow(e.args[1], lo - e.args[0].value, hi - e.args[0].value, known)

    def simplify(self, e: Expr) -> Expr:
        """An expression equal to `e` wherever these facts hold (and `e` can be computed)."""
        done = self._simple
        if e.is_const or id(e) in done:
            return done.get(id(e), e)
        for node in walk(e, done=done):
            args = [done[id(a)] if isinstance(a, Expr) else a for a in node.args]
            lo, hi = self.span(node)
            if node.kind != SET and lo == hi:
                done[id(node)] = const(bool(lo)) if node.kind == BOOL else const(lo)
            elif all(a is b for a, b in zip(args, node.args, strict=True)):
                done[id(node)] = node
            elif node.op == "get":
                done[id(node)] = Expr("get", tuple(args), INT, node.lo, node.hi)
            else:
                done[id(node)] = BUILD[node.op](*args)
        return done[id(e)]

    def can_stray(self, e: Expr) -> bool:
        """Whether static ranges leave a doubt anywhere below `e`."""
        known = self._can_stray
        if id(e) in known:
            return known[id(e)]
        for node in walk(e, done=known):
            doubt = any([known[id(a)] for a in node.below])
            if node.op == "get":
                doubt |= node.args[1].lo < 0 or node.args[1].hi > node.args[0].size - 1
            elif node.op in ("bit", "has"):
                doubt |= node.args[-1].lo < 0 or node.args[-1].hi > LONGEST_SHIFT
            known[id(node)] = doubt
        return known[id(e)]


def _meet(a: Range, b: Range | None) -> Range:
    """What two ranges have in common; the first where they contradict each other (then nobody gets there)."""
    if b is None or max(a[0], b[0]) > min(a[1], b[1]):
        return a
    return max(a[0], b[0]), min(a[1], b[1])


def _times(a: Range, b: Range) -> Range:
    ends = [x * y for x in a for y in b]
    return min(ends), max(ends)


RANGES = {
    "==": lambda a, b: (int(a[0] == a[1] == b[0] == b[1]), int(a[0] <= b[1] and b[0] <= a[1])),
    "!=": lambda a, b: (int(a[0] > b[1] or b[0] > a[1]), int(not a[0] == a[1] == b[0] == b[1])),
    "<": lambda a, b: (int(a[1] < b[0]), int(a[0] < b[1])),
    "<=": lambda a, b: (int(a[1] <= b[0]), int(a[0] <= b[1])),
    ">": lambda a, b: (int(a[0] > b[1]), int(a[1] > b[0])),
    ">=": lambda a, b: (int(a[0] >= b[1]), int(a[1] >= b[0])),
    "and": lambda a, b: (min(a[0], b[0]), min(a[1], b[1])),
    "or": lambda a, b: (max(a[0], b[0]), max(a[1], b[1])),
    "not": lambda a: (1 - a[1], 1 - a[0]),
    "int": lambda a: a,
    "+": lambda a, b: (a[0] + b[0], a[1] + b[1]),
    "-": lambda a, b: (a[0] - b[1], a[1] - b[0]),
    "*": _times,
}


def outside(e: Expr, most: int, facts: Facts) -> Expr:
    """Where `e` is not in 0..most, as a test of what `e` is computed from by adding and multiplying constants."""
    lo, hi = facts.span(e)
    low, high = -1, most + 1  # outside is: at most `low`, or at least `high`
    while e.op in ("+", "-", "*") and e.args[1].is_const and (e.op != "*" or e.args[1].value > 0):
        by = e.args[1].value
        if e.op == "*":
            low, high = low // by, -(-high // by)
        else:
            shift = by if e.op == "-" else -by
            low, high = low + shift, high + shift
        e = e.args[0]
    out = FALSE
    if lo < 0:
        out = e <= low
    if hi > most:
        out = disj(out, e >= high)
    return out


def astray(e: Expr, facts: Facts) -> Expr:
    """Where computing `e`, left to right, reads outside an array or shifts by more than a word.

    ``&``, ``|`` and ``where`` look at what their left side leaves open; beside a policy set every state test is
    computed, whatever the policy.
    """
    if not facts.can_stray(e):
        return FALSE
    op, a = e.op, e.args
    if op == "get":
        return disj(astray(a[1], facts), outside(a[1], a[0].size - 1, facts))
    first = astray(a[0], facts)
    if op == "where":
        yes = conj(a[0], astray(a[1], facts.learn(a[0])))
        no = conj(negate(a[0]), astray(a[2], facts.learn(a[0], False)))
        return disj(first, disj(yes, no))
    if op in ("and", "or") and a[0].kind == BOOL:
        go_on = a[0] if op == "and" else negate(a[0])
        return disj(first, conj(go_on, astray(a[1], facts.learn(a[0], op == "and"))))
    if op == "bit":
        return disj(first, outside(a[0], LONGEST_SHIFT, facts))
    out = first
    for x in a[1:]:
        out = disj(out, astray(x, facts))
    return disj(out, outside(a[1], LONGEST_SHIFT, facts)) if op == "has" else out


def astray_in_turn(tests: list[Expr], facts: Facts) -> tuple[Expr, Facts]:
    """Where computing `tests`, each only where those before it hold, goes astray; and the facts behind them."""
    out, so_far = FALSE, None
    for test in tests:
        here = astray(test, facts)
        out = disj(out, here if so_far is None else conj(so_far, here))
        so_far = test if so_far is None else conj(so_far, test)
        facts = facts.learn(here, False).learn(test)
    return out, facts
