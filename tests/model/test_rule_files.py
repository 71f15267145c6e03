"""What a rule file may ask for: operations of its own by name, those of others by a trait; slips are errors."""

import ast
from pathlib import Path

import pytest

from tests.model.answers import small
from tux3nb.engine.rule import rule
from tux3nb.errors import ModelError
from tux3nb.model import rules
from tux3nb.model.rules import all_rules, check_names, kinds, modules
from tux3nb.model.world import ops

OWNED = {k.name: module.__name__ for module in modules() for k in getattr(module, "KINDS", ())}
MODEL = Path(rules.__file__).parent.parent


def asks_for(name):
    @rule(op=ops(name), kernel="-")
    def asks(s, policy, op):
        """It asks."""
        s.require(s.line[op.task] == op.line)

    return asks


def test_a_rule_that_would_bind_nothing_is_an_error():
    with pytest.raises(ModelError, match="rule asks: no operation 'relcaim'; did you mean reclaim"):
        check_names(asks_for("relcaim"), ["reclaim"], kinds())


def test_a_rule_asks_for_another_modules_operations_by_a_trait():
    with pytest.raises(ModelError, match="rule asks: reclaim is another module's operation; ask for a trait"):
        check_names(asks_for("reclaim"), ["pageout"], kinds())
    check_names(asks_for("reclaim"), ["reclaim"], kinds())
    assert all_rules()


def test_a_misspelt_name_or_trait_in_a_function_is_an_error():
    world = small("app\nstore p0:0", ("app",)).world
    with pytest.raises(ModelError, match="no operation 'relcaim'; did you mean reclaim"):
        world.of("relcaim")
    with pytest.raises(ModelError, match="no trait 'freees' of an operation; did you mean frees"):
        world.that("freees")


@pytest.mark.parametrize("path", sorted(MODEL.rglob("*.py")), ids=lambda p: p.stem)
def test_no_file_of_the_model_names_an_operation_of_another(path):
    """A new kind of operation that does the same is then served too: by a trait, not by a name in another file."""
    module = "tux3nb.model." + ".".join(path.relative_to(MODEL).with_suffix("").parts)
    named = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "of":
            named |= {a.value for a in node.args if isinstance(a, ast.Constant)}
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Attribute) and node.left.attr == "kind":
            named |= {c.value for side in node.comparators for c in ast.walk(side) if isinstance(c, ast.Constant)}
    assert {n for n in named if n in OWNED and OWNED[n] != module} == set()
