"""Random classes: typed attributes, methods that read and change them, the special methods, a subclass, a caller.

Attributes are variables named `self.x` to the writer, so every statement and expression can use them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from neuralpdb.train.programs.assembler import Assembler, Parameter, Signature
from neuralpdb.train.programs.templates import call_template, compile_template

ATTRIBUTE_TYPES: Final = (
    "int int int nat str str1 word ints ints1 strs dsi dsi1 float bool iset ituple points dss".split()
)
METHOD_KINDS: Final = "method method method method nothing property static".split()
METHOD_RETURNS: Final = "int int str bool ints strs float dsi any pair".split()

SPECIAL: Final[tuple[tuple[str, str, str], ...]] = (
    ("__repr__", "self", "return f'{self.__class__.__name__}({ATTR})'"),
    ("__repr__", "self", "return 'NAME(' + str(<int>) + ')'"),
    ("__str__", "self", "return <str>"),
    ("__eq__", "self, other", "return isinstance(other, NAME) and ATTR == other.ONLY"),
    ("__lt__", "self, other", "return ATTR < other.ONLY"),
    ("__len__", "self", "return <nat>"),
    ("__bool__", "self", "return <bool>"),
    ("__getitem__", "self, i", "return <ints>[i % 3:]"),
    ("__contains__", "self, x", "return x == <int> or x in <ints>"),
    ("__iter__", "self", "return iter(<ints>)"),
    ("__iter__", "self", "yield <int>\nyield from <ints>"),
    ("__call__", "self, n", "return n + <int>"),
    ("__add__", "self, other", "return NAME(ARGS)"),
    ("__neg__", "self", "return -<int>"),
    ("__hash__", "self", "return <nat>"),
)
USES: Final = {
    "__repr__": ("str", "repr({o})"),
    "__str__": ("str", "f'{{{o}}}'"),
    "__eq__": ("bool", "{o} == {new}"),
    "__lt__": ("bool", "{o} < {new}"),
    "__len__": ("int", "len({o})"),
    "__bool__": ("bool", "not {o}"),
    "__getitem__": ("ints", "{o}[<nat>]"),
    "__contains__": ("bool", "<int> in {o}"),
    "__iter__": ("ints", "list({o})"),
    "__call__": ("int", "{o}(<int>)"),
    "__neg__": ("int", "-{o}"),
}


@dataclass
class ClassPlan:
    """A class as it is written.

    attributes: name -> type.
    names:      names that the class uses already.
    base:       the class that it inherits from; None for none.
    """

    name: str
    parameters: list[Parameter] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    methods: list[Signature] = field(default_factory=list)
    specials: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    base: ClassPlan | None = None

    def every_attribute(self) -> dict[str, str]:
        """Return the attributes, inherited ones too."""
        return {**(self.base.every_attribute() if self.base else {}), **self.attributes}

    def every_method(self) -> list[Signature]:
        """Return the methods, also inherited ones that are not overridden."""
        own = {method.name for method in self.methods}
        inherited = self.base.every_method() if self.base else []
        return self.methods + [method for method in inherited if method.name not in own]


def write_class(a: Assembler, base: ClassPlan | None = None) -> ClassPlan:
    """Write a class definition."""
    plan = ClassPlan(a.global_name(a.names.class_), base=base)
    plan.names = set(base.names) if base else {"self", "other"}
    a.emit(0, f"class {plan.name}{f'({base.name})' if base else ''}:")
    if a.documented:
        a.emit(1, f'"""A {a.literals.raw_word()}."""')
    if a.random() < 0.15:
        type_ = a.pick(("int", "str1", "ints1"))
        constant = a.names.attribute(plan.names)
        a.emit(1, f"{constant} = {a.literals.of(type_)}")
        plan.attributes[constant] = type_
    _write_init(a, plan)
    for _ in range(1 + int(a.random() * 2.7)):
        _gap(a)
        _write_method(a, plan)
    if a.random() < 0.55:
        for _ in range(1 + (a.random() < 0.3)):
            _write_special(a, plan)
    return plan


def _gap(a: Assembler) -> None:
    if a.random() < 0.7:
        a.out.append("")


def _enter(a: Assembler, plan: ClassPlan, *, with_attributes: bool = True) -> None:
    a.start_function()
    a.names.taken |= {"self", "other", "cls"}
    if with_attributes:
        for attribute, type_ in plan.every_attribute().items():
            a.scope.declare(f"self.{attribute}", type_)


def _write_init(a: Assembler, plan: ClassPlan) -> None:
    if plan.base and a.random() < 0.4:
        plan.parameters = plan.base.parameters
        return
    _enter(a, plan, with_attributes=False)
    inherited = [Parameter(a.names.fresh(p.type), p.type, "normal") for p in plan.base.parameters] if plan.base else []
    own: list[tuple[str, str, str]] = []
    for _ in range(1 + int(a.random() * 2.5)):
        type_ = a.pick(ATTRIBUTE_TYPES)
        attribute = a.names.attribute(plan.names)
        u = a.random()
        if u < 0.65:
            same = u < 0.5 and attribute not in a.names.taken
            name = attribute if same else a.names.fresh(type_)
            parameter = Parameter(name, type_, "normal" if u < 0.55 else "default")
            plan.parameters.append(parameter)
            own.append((attribute, type_, parameter.name))
        else:
            own.append((attribute, type_, a.literals.of(type_)))
        a.names.taken.add(attribute)
    plan.parameters = [*inherited, *sorted(plan.parameters, key=lambda p: p.kind != "normal")]
    a.emit(1, f"def __init__(self{''.join(', ' + text for text in [a.header(plan.parameters)] if text)}):")
    if plan.base:
        a.emit(2, f"super().__init__({', '.join(p.name for p in inherited)})")
    for p in plan.parameters:
        a.scope.declare(p.name, p.type)
    for attribute, type_, value in own:
        a.emit(2, f"self.{attribute} = {value}")
        plan.attributes[attribute] = type_


def _write_method(a: Assembler, plan: ClassPlan) -> None:
    u = a.random()
    method = Signature("", [], a.pick(METHOD_RETURNS), a.pick(METHOD_KINDS))
    if plan.base and plan.base.methods and u < 0.5:
        method = a.pick(plan.base.methods)
        if any(other.name == method.name for other in plan.methods):
            return
    else:
        method.name = a.names.attribute(plan.names)
    _enter(a, plan, with_attributes=method.shape != "static")
    if method.shape == "nothing":
        method.returns = "none"
    if not method.parameters and method.shape != "property" and u > 0.3:
        method.parameters = a.parameters(1 + (u > 0.9))
    for p in method.parameters:
        a.names.taken.add(p.name)
        a.scope.declare(p.name, p.type)
    if method.shape in ("property", "static"):
        a.emit(1, "@property" if method.shape == "property" else "@staticmethod")
    first = "" if method.shape == "static" else "self"
    a.emit(1, f"def {method.name}({', '.join(text for text in (first, a.header(method.parameters)) if text)}):")
    if method.shape == "nothing":
        a.context.returns = "none"
        a.block(2, 1 + int(a.random() * 2))
    else:
        a.body(2, int(a.random() * 2.6), method.returns)
    plan.methods.append(method)


def _write_special(a: Assembler, plan: ClassPlan) -> None:
    name, arguments, body = a.pick(SPECIAL)
    if name in plan.specials:
        return
    _enter(a, plan)
    only = next(iter(plan.every_attribute()))
    body = body.replace("NAME", plan.name).replace("ATTR", f"self.{only}").replace("ONLY", only)
    body = body.replace("ARGS", ", ".join(f"<{p.type}>" for p in plan.parameters))
    _gap(a)
    a.emit(1, f"def {name}({arguments}):")
    for line in body.split("\n"):
        a.emit(2, a.render_text(line))
    plan.specials.append(name)
    if name == "__eq__" and "__hash__" not in plan.specials and a.random() < 0.1:
        a.emit(1, "__hash__ = None")


def new_text(a: Assembler, plan: ClassPlan) -> str:
    """Return a constructor call in template form."""
    return a.call_text(Signature(plan.name, plan.parameters))


def class_program(a: Assembler) -> None:
    """Write a class, sometimes a subclass, and a function that uses an object."""
    plan = write_class(a)
    if a.random() < 0.25:
        a.blank_lines()
        plan = write_class(a, plan)
    a.blank_lines()
    a.start_function()
    name = a.global_name(a.names.function)
    parameters = a.parameters(1 + int(a.random() * 2))
    for p in parameters:
        a.scope.declare(p.name, p.type)
    a.emit(0, f"def {name}({a.header(parameters)}):")
    thing = a.names.fresh("obj")
    a.emit(1, f"{thing} = {a.render_text(new_text(a, plan))}")
    use(a, plan, thing)
    for method in plan.every_method():
        if method.shape != "property" and (method.returns == "none" or a.random() < 0.4):
            a.emit(1, a.render_text(f"{thing}." + a.call_text(method)))
    for attribute, type_ in plan.every_attribute().items():
        if a.random() < 0.25:
            a.scope.declare(f"{thing}.{attribute}", type_)
    a.helper_share = 0.7
    returned_types = [type_ for type_ in a.helpers if type_ != "any"] or ["int"]
    a.body(1, int(a.random() * 2.4), a.pick(returned_types))
    signature = Signature(name, parameters)
    a.add_calls(lambda: a.call_text(signature), 1 + int(a.random() * 2))


def use(a: Assembler, plan: ClassPlan, thing: str) -> None:
    """Let expressions call the methods of an object."""
    for method in plan.every_method():
        if method.returns != "none":
            text = f"{thing}.{method.name}" if method.shape == "property" else f"{thing}." + a.call_text(method)
            a.helpers.setdefault(method.returns, []).append(call_template(text))
    for special in plan.specials:
        if special in USES:
            type_, text = USES[special]
            text = text.format(o=thing, new=new_text(a, plan))
            a.helpers.setdefault(type_, []).append(compile_template(text, expression=True))
