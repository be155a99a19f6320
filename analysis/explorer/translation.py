"""Python functions as JavaScript: how the study's laws, words and pictures come into a page that computes.

The page must not have laws of its own that drift from the model's, so its script is made from the model's
own functions when a report is written. What is translated keeps to a small part of Python: functions, named
tuples and plain classes; numbers, texts, lists, tuples and mappings by name; conditions, loops,
comprehensions and formatted texts. Anything else is refused by its name and line, so that a law that the page
could not follow fails a test. Constants are taken as they stand in the imported modules. A few functions of
Python that JavaScript lacks are in ``runtime.js``.

A name of a module is prefixed by its module's: ``link.goodput`` is ``link_goodput``.
"""

from __future__ import annotations

import ast
import builtins
import html
import inspect
import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from analysis.explorer.literals import Untranslatable, literal

_BINARY: dict[type[ast.operator], str] = {ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%"}
_COMPARED: dict[type[ast.cmpop], str] = {
    **{ast.Eq: "===", ast.NotEq: "!==", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="},
    **{ast.Is: "===", ast.IsNot: "!=="},
}
_FUNCTIONS = {
    **{
        f"math.{name}": f"Math.{name}"
        for name in ("exp", "expm1", "log", "log1p", "log10", "sqrt", "ceil", "pow")
    },
    **{"math.floor": "Math.floor", "math.isnan": "Number.isNaN", "math.isfinite": "Number.isFinite"},
    **{"math.isinf": "$isinf", "numpy.isfinite": "Number.isFinite", "numpy.isinf": "$isinf"},
    **{"html.escape": "$escape", "int": "Math.trunc", "float": "Number", "bool": "Boolean", "str": "String"},
    **{"abs": "Math.abs", "round": "$round", "divmod": "$divmod"},
    **{"enumerate": "$enumerate", "range": "$range", "len": "$len", "list": "Array.from"},
    **{"tuple": "Array.from", "sorted": "$sorted"},
}
_METHODS = {
    **{"append": "push", "replace": "replaceAll", "strip": "trim"},
    **{"upper": "toUpperCase", "lower": "toLowerCase"},
}
_HELPED = frozenset("get items values endswith startswith removeprefix removesuffix split rstrip".split())
"""Methods that are functions of the runtime, with the object as first argument."""


_RESERVED = frozenset(
    "arguments case catch const default delete do enum eval export extends function let new null of static "
    "super switch this throw try typeof undefined var void".split()
)


def script(roots: Mapping[str, Callable[..., Any] | type]) -> str:
    """JavaScript of some functions with all that they call, and an object ``study`` with them by name."""
    made = _Script()
    exported = ", ".join(f"{name}: {made.name_of(root)}" for name, root in roots.items())
    return "\n".join([*made.parts, f"const study = {{{exported}}};"])


class _Script:
    """What has been translated so far, each part after those it needs."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._names: dict[int, str] = {}
        self._kept: list[Any] = []

    def name_of(self, thing: Any, said: str = "") -> str:
        """The JavaScript name of a function, a class or a constant; translated at its first use."""
        if id(thing) not in self._names:
            self._kept.append(thing)  # so that no other thing gets its number
            name = _prefixed(thing, said)
            self._names[id(thing)] = name
            self.parts.append(self._translated(thing, name))
        return self._names[id(thing)]

    def _translated(self, thing: Any, name: str) -> str:
        if isinstance(thing, FunctionType):
            tree = _source(thing)
            return _Function(self, thing.__globals__, tree).function(f"function {name}")
        if isinstance(thing, type):
            return self._class(thing, name)
        return f"const {name} = {literal(thing)};"

    def _class(self, thing: type, name: str) -> str:
        """A class with its methods; a named tuple or plain class of Python."""
        namespace = vars(inspect.getmodule(thing))
        body = ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]
        assert isinstance(body, ast.ClassDef)
        methods = [
            _Function(self, namespace, m).method() for m in body.body if isinstance(m, ast.FunctionDef)
        ]
        fields = getattr(thing, "_fields", ())
        if fields:
            given = getattr(thing, "_field_defaults", {})
            takes = ", ".join(f"{f} = {literal(given[f])}" if f in given else f for f in fields)
            sets = " ".join(f"this.{f} = {f};" for f in fields)
            methods.insert(0, f"constructor({takes}) {{ {sets} }}")
        return f"class {name} {{\n{textwrap.indent(chr(10).join(methods), '  ')}\n}}"


def _prefixed(thing: Any, said: str) -> str:
    home, _, given = said.rpartition(".")
    module = getattr(thing, "__module__", "") or home
    name = getattr(thing, "__name__", given)
    return f"{module.rpartition('.')[2]}_{name.lstrip('_')}" + ("_" if name.startswith("_") else "")


def _source(function: FunctionType) -> ast.FunctionDef:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    return tree


class _Function:
    """The translation of one function: names that are its own, and the module that it stands in."""

    def __init__(self, made: _Script, namespace: Mapping[str, Any], tree: ast.FunctionDef) -> None:
        self.made, self.namespace, self.tree = made, namespace, tree
        self.own = {a.arg for a in tree.args.args} | _assigned(tree)

    # --- functions and methods ------------------------------------------------------------

    def function(self, head: str) -> str:
        """The function with that head, its own names declared first."""
        arguments = self._arguments(self.tree.args)
        names = sorted(_assigned(self.tree) - {a.arg for a in self.tree.args.args})
        declared = [f"let {', '.join(map(_own, names))};"] if names else []
        return f"{head}({arguments}) " + self._block(self.tree.body, declared)

    def method(self) -> str:
        """A method of a class: ``self`` is ``this``, a property a getter."""
        name = "constructor" if self.tree.name == "__init__" else self.tree.name
        marks = {d.id for d in self.tree.decorator_list if isinstance(d, ast.Name)}
        return self.function(f"get {name}" if "property" in marks else name)

    def _arguments(self, arguments: ast.arguments) -> str:
        given = [None] * (len(arguments.args) - len(arguments.defaults)) + list(arguments.defaults)
        pairs = zip(arguments.args, given, strict=True)
        return ", ".join(
            _own(a.arg) if default is None else f"{_own(a.arg)} = {self._expression(default)}"
            for a, default in pairs
            if a.arg != "self"
        )

    def _block(self, body: Sequence[ast.stmt], first: Sequence[str] = ()) -> str:
        lines = [*first, *(line for line in map(self._statement, body) if line)]
        return "{\n" + textwrap.indent("\n".join(lines), "  ") + "\n}"

    # --- statements -----------------------------------------------------------------------

    def _statement(self, node: ast.stmt) -> str:  # noqa: C901  (one flat list of the kinds)
        match node:
            case ast.Expr(value=ast.Constant(value=str())) | ast.Pass():
                return ""
            case ast.Expr():
                return self._expression(node.value) + ";"
            case ast.Return():
                return f"return {self._expression(node.value)};" if node.value else "return;"
            case ast.Assign():
                return self._assign(node.targets, node.value)
            case ast.AnnAssign():
                return self._assign([node.target], node.value) if node.value else ""
            case ast.AugAssign():
                target = self._expression(node.target)
                return f"{target} = {self._operation(node.op, target, self._expression(node.value), node)};"
            case ast.If():
                return self._if(node)
            case ast.While():
                return f"while ({self._condition(node.test)}) {self._block(node.body)}"
            case ast.For():
                return self._for(node)
            case ast.Continue():
                return "continue;"
            case ast.Break():
                return "break;"
        raise self._refused(node)

    def _assign(self, targets: Sequence[ast.expr], value: ast.expr) -> str:
        given = self._expression(value)
        return " ".join(f"{self._expression(target)} = {given};" for target in targets)

    def _if(self, node: ast.If) -> str:
        text = f"if ({self._condition(node.test)}) {self._block(node.body)}"
        if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            return f"{text} else {self._if(node.orelse[0])}"
        return f"{text} else {self._block(node.orelse)}" if node.orelse else text

    def _for(self, node: ast.For) -> str:
        match node.iter:
            case ast.Call(func=ast.Name(id="range"), args=args) if isinstance(node.target, ast.Name):
                return self._counted(_own(node.target.id), [self._expression(a) for a in args], node.body)
        return (
            f"for ({self._expression(node.target)} of {self._expression(node.iter)}) {self._block(node.body)}"
        )

    def _counted(self, name: str, bounds: Sequence[str], body: Sequence[ast.stmt]) -> str:
        first, last = ("0", bounds[0]) if len(bounds) == 1 else bounds[:2]
        step = bounds[2] if len(bounds) > 2 else "1"
        sign = ">" if step.startswith(("-", "(-")) else "<"
        return f"for ({name} = {first}; {name} {sign} {last}; {name} += {step}) {self._block(body)}"

    # --- expressions ----------------------------------------------------------------------

    def _expression(self, node: ast.expr) -> str:  # noqa: C901  (one flat list of the kinds)
        match node:
            case ast.Constant():
                return literal(node.value)
            case ast.Name():
                return self._name(node.id)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Subscript():
                return self._subscript(node)
            case ast.BinOp():
                return self._operation(
                    node.op, self._expression(node.left), self._expression(node.right), node
                )
            case ast.UnaryOp(op=ast.Not()):
                return f"!({self._condition(node.operand)})"
            case ast.UnaryOp(op=ast.USub()):
                return f"(-{self._expression(node.operand)})"
            case ast.BoolOp():
                sign = " && " if isinstance(node.op, ast.And) else " || "
                return "(" + sign.join(self._expression(v) for v in node.values) + ")"
            case ast.Compare():
                return self._compare(node)
            case ast.IfExp():
                chosen = self._expression(node.body), self._expression(node.orelse)
                return f"({self._condition(node.test)} ? {chosen[0]} : {chosen[1]})"
            case ast.Call():
                return self._call(node)
            case ast.Tuple() | ast.List():
                return "[" + ", ".join(self._expression(e) for e in node.elts) + "]"
            case ast.Starred():
                return f"...{self._expression(node.value)}"
            case ast.Dict():
                return self._dict(node)
            case ast.DictComp():
                pair = f"[{self._expression(node.key)}, {self._expression(node.value)}]"
                return f"Object.fromEntries({self._comprehended(pair, node.generators)})"
            case ast.ListComp() | ast.GeneratorExp():
                return self._comprehended(self._expression(node.elt), node.generators)
            case ast.JoinedStr():
                return "(" + " + ".join(['""', *(self._piece(v) for v in node.values)]) + ")"
            case ast.Lambda():
                arguments = ", ".join(_own(a.arg) for a in node.args.args)
                self.own |= {a.arg for a in node.args.args}
                return f"(({arguments}) => {self._expression(node.body)})"
        raise self._refused(node)

    def _condition(self, node: ast.expr) -> str:
        """An expression where only its truth counts: an empty list is false."""
        text = self._expression(node)
        sure = isinstance(node, (ast.Compare, ast.Call, ast.Constant)) or (
            isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        )
        if isinstance(node, ast.BoolOp):
            sign = " && " if isinstance(node.op, ast.And) else " || "
            return sign.join(f"({self._condition(v)})" for v in node.values)
        return text if sure else f"$true({text})"

    def _name(self, name: str) -> str:
        if name == "self":
            return "this"
        if name in self.own:
            return _own(name)
        if name in self.namespace:
            return self._global(self.namespace[name], f"{self.namespace['__name__']}.{name}")
        if hasattr(builtins, name) and name in _FUNCTIONS:
            return _FUNCTIONS[name]
        raise Untranslatable(f"{self.tree.name}: nothing is known of {name!r}")

    def _global(self, thing: Any, said: str) -> str:
        """A name of a module: a number or text as it stands, anything else by its name in the script."""
        known = _known(thing)
        if known:
            return known
        if isinstance(thing, (bool, int, float, str)) or thing is None:
            return literal(thing)
        return self.made.name_of(thing, said)

    def _attribute(self, node: ast.Attribute) -> str:
        module = self._module(node.value)
        if module:
            return self._global(getattr(module, node.attr), f"{module.__name__}.{node.attr}")
        return f"{self._expression(node.value)}.{node.attr}"

    def _module(self, node: ast.expr) -> ModuleType | None:
        """The module that a name stands for."""
        thing = (
            self.namespace.get(node.id) if isinstance(node, ast.Name) and node.id not in self.own else None
        )
        return thing if isinstance(thing, ModuleType) else None

    def _subscript(self, node: ast.Subscript) -> str:
        of = self._expression(node.value)
        match node.slice:
            case ast.Slice(lower=lower, upper=upper, step=None):
                ends = [self._expression(lower) if lower else "0"]
                ends += [self._expression(upper)] if upper else []
                return f"{of}.slice({', '.join(ends)})"
            case ast.UnaryOp(op=ast.USub(), operand=back):
                return f"{of}[{of}.length - {self._expression(back)}]"
        return f"{of}[{self._expression(node.slice)}]"

    def _operation(self, operator: ast.operator, left: str, right: str, node: ast.AST) -> str:
        if isinstance(operator, ast.Pow):
            return f"Math.pow({left}, {right})"
        if isinstance(operator, ast.Add):
            # Lists are joined by plus in Python. The model adds numbers alone, and is asked most often.
            numbers = self.namespace["__name__"].startswith("analysis.model")
            return f"({left} + {right})" if numbers else f"$add({left}, {right})"
        if isinstance(operator, ast.BitOr):
            return f"({{...{left}, ...{right}}})"
        if type(operator) not in _BINARY or (isinstance(node, ast.BinOp) and isinstance(node.left, ast.List)):
            raise self._refused(node)
        return f"({left} {_BINARY[type(operator)]} {right})"

    def _compare(self, node: ast.Compare) -> str:
        sides = [self._expression(side) for side in (node.left, *node.comparators)]
        pairs = zip(node.ops, sides, sides[1:], strict=False)
        return "(" + " && ".join(self._compared(op, a, b) for op, a, b in pairs) + ")"

    def _compared(self, op: ast.cmpop, left: str, right: str) -> str:
        if isinstance(op, ast.In | ast.NotIn):
            return f"{'!' if isinstance(op, ast.NotIn) else ''}$in({left}, {right})"
        return f"{left} {_COMPARED[type(op)]} {right}"

    def _dict(self, node: ast.Dict) -> str:
        pairs = [
            f"[{self._expression(k)}]: {self._expression(v)}" if k else f"...{self._expression(v)}"
            for k, v in zip(node.keys, node.values, strict=True)
        ]
        return "({" + ", ".join(pairs) + "})"

    def _comprehended(self, element: str, generators: Sequence[ast.comprehension]) -> str:
        """A comprehension over one thing: those that fit, each made into the element."""
        over = generators[0]
        if len(generators) > 1:
            raise self._refused(over.iter)
        target = self._expression(over.target)
        items = f"$each({self._expression(over.iter)})"
        for condition in over.ifs:
            items += f".filter(({target}) => {self._condition(condition)})"
        return f"{items}.map(({target}) => {element})"

    def _piece(self, node: ast.expr) -> str:
        """A part of a formatted text."""
        if isinstance(node, ast.Constant):
            return literal(node.value)
        assert isinstance(node, ast.FormattedValue)
        value = self._expression(node.value)
        return f"$format({value}, {self._expression(node.format_spec)})" if node.format_spec else f"({value})"

    # --- calls ----------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> str:
        arguments = [self._expression(a) for a in node.args]
        if isinstance(node.func, ast.Name) and node.func.id in ("min", "max", "isinstance", "next"):
            return self._special(node.func.id, node, arguments)
        if isinstance(node.func, ast.Attribute) and not self._module(node.func.value):
            return self._method(node.func, arguments, node)
        thing = self._called(node.func)
        name = self._expression(node.func)
        arguments = self._in_order(thing, arguments, node)
        head = "new " if isinstance(thing, type) and thing.__module__ != "builtins" else ""
        return f"{head}{name}({', '.join(arguments)})"

    def _called(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name) and node.id not in self.own:
            return self.namespace.get(node.id, getattr(builtins, node.id, None))
        module = self._module(node.value) if isinstance(node, ast.Attribute) else None
        return getattr(module, node.attr) if module and isinstance(node, ast.Attribute) else None

    def _in_order(self, thing: Any, arguments: list[str], node: ast.Call) -> list[str]:
        """Arguments in the order of the function called, those not given left to its defaults."""
        if not node.keywords:
            return arguments
        names = list(inspect.signature(thing).parameters)
        given = {k.arg: self._expression(k.value) for k in node.keywords}
        last = max(names.index(str(name)) for name in given)
        return arguments + [str(given.get(name, "undefined")) for name in names[len(arguments) : last + 1]]

    def _special(self, name: str, node: ast.Call, arguments: list[str]) -> str:
        if name == "isinstance":
            return f"(typeof {arguments[0]} === 'string')"
        if name == "next":
            return f"$next({', '.join(arguments)})"
        if len(arguments) == 1:
            given = [self._expression(k.value) for k in node.keywords]
            return f"${name}({', '.join([*arguments, *given])})"
        return f"Math.{name}({', '.join(arguments)})"

    def _method(self, node: ast.Attribute, arguments: list[str], call: ast.Call) -> str:
        of = self._expression(node.value)
        if node.attr == "join":
            return f"{arguments[0]}.join({of})"
        if node.attr in _HELPED:
            return f"${node.attr}({', '.join([of, *arguments])})"
        arguments += [self._expression(k.value) for k in call.keywords]
        return f"{of}.{_METHODS.get(node.attr, node.attr)}({', '.join(arguments)})"

    def _refused(self, node: ast.AST) -> Untranslatable:
        line = getattr(node, "lineno", 0)
        return Untranslatable(f"{self.tree.name}, its line {line}: {type(node).__name__} has no translation")


def _own(name: str) -> str:
    """A variable's name; JavaScript keeps some words to itself."""
    return f"{name}_" if name in _RESERVED else name


def _known(thing: Any) -> str:
    """The name in JavaScript of a function or number of Python's own modules."""
    if thing is math.inf or thing is np.inf:
        return "Infinity"
    if thing is html.escape:
        return _FUNCTIONS["html.escape"]
    module, name = getattr(thing, "__module__", ""), getattr(thing, "__name__", "")
    home = "math" if module == "math" else "numpy" if isinstance(thing, np.ufunc) else ""
    return _FUNCTIONS.get(f"{home}.{name}", "") if home else ""


def _assigned(tree: ast.AST) -> set[str]:
    """Names that a function gives values to: variables, and those of comprehensions."""
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
