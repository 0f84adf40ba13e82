"""Types along the program: what a step gives against what the next one reads."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager

from server.bal.check_context import Context
from server.bal.check_variables import capture_name
from server.bal.expressions import is_branch, parse_quoted_path
from server.bal.flows import (
    UNKNOWN,
    Built,
    Flow,
    Listed,
    Made,
    Missing,
    Read,
    Untyped,
    fits,
    item_of,
    known,
    read,
    same,
    type_of,
)
from server.bal.nodes import (
    Block,
    Call,
    Chain,
    Field,
    Fields,
    Filter,
    Gate,
    If,
    Loop,
    Map,
    Merge,
    Name,
    Parallel,
    Path,
    Route,
    Select,
    Step,
    Text,
    Try,
    When,
)
from server.bal.properties import property_of
from server.bal.reads import Reading, condition_reads, reads_of, source_reads
from server.bal.span import Span
from server.bal.types import ObjectType, OptionalType, to_text
from server.bal.walk import all_steps, arm_steps, until_of


def check_flow(context: Context) -> None:
    flow = _Flow(context)
    steps = context.program.steps
    flow.steps(steps, UNKNOWN)
    flow.blame_answer(_last_entity(steps) if steps else next(iter(context.specs), None))


def _last_entity(steps: tuple[Step, ...]) -> str | None:
    """Whose answer is the output of the program; only a chain hands it out unchanged."""
    last = steps[-1]
    while isinstance(last, Chain) and last.body.steps:
        last = last.body.steps[-1]
    return last.entity.value if isinstance(last, Call) else None


class _Flow:
    """`scope` holds the words that mean something here besides result (item, error …)."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.findings = context.findings
        self.blamed: set[str] = set()
        self.scope: dict[str, Flow] = {}
        self.labels: tuple[str, ...] = ()
        self.variables: dict[str, Flow] = {}
        self.ambiguous = _captured_twice(context)

    def steps(self, steps: Iterable[Step], flow: Flow) -> Flow:
        for step in steps:
            before, flow = flow, self._step(step, flow)
            if step.on_error is not None and step.on_error.action in ("skip", "continue"):
                flow = same(flow, before) if step.on_error.action == "skip" else UNKNOWN
            if step.capture is not None:
                name = capture_name(step.capture)
                self.variables[name] = UNKNOWN if name in self.ambiguous else flow
        return flow

    # --- one step --------------------------------------------------------------------------

    def _step(self, step: Step, flow: Flow) -> Flow:
        match step:
            case Call(entity=entity):
                self._reads(reads_of(step), flow)
                return self._call(entity, flow)
            case Chain(body=body):
                return self.steps(body.steps, flow)
            case Parallel():
                return self._parallel(step, flow)
            case If(then=then, otherwise=otherwise):
                self._reads(reads_of(step), flow)
                return same(self.steps(then.steps, flow), self._otherwise(otherwise, flow))
            case Gate(body=body):
                self._reads(reads_of(step), flow)
                return same(self.steps(body.steps, flow), flow)
            case Loop():
                return self._loop(step, flow)
            case Map():
                return self._map(step, flow)
            case Filter():
                return self._filter(step, flow)
            case Select(fields=fields) | Merge(fields=fields):
                return self._build(step, fields, flow)
            case Try():
                return self._try(step, flow)
            case Route():
                return self._route(step, flow)
            case When(entity=entity, arms=arms):
                verdict = self._call(entity, flow)
                ways = [self.steps(arm_steps(arm.body), verdict) for arm in arms]
                return _either([*ways, verdict] if len(ways) < 2 else ways)
            case _:
                self._reads(reads_of(step), flow)
                return UNKNOWN

    def _call(self, name: Name, flow: Flow) -> Flow:
        spec = self.context.specs.get(name.value)
        if spec is None:
            return UNKNOWN
        if spec.input is not None:
            self._check_input(name, spec.input, flow)
        return Made(name.value, spec.output)

    def _parallel(self, step: Parallel, flow: Flow) -> Flow:
        parts: dict[str, Flow] = {}
        for place, branch in enumerate(step.branches):
            label = branch.label.value if branch.label else f"branch_{place}"
            parts[label] = self.steps((branch.step,), flow)
        self.labels = tuple(branch.label.value for branch in step.branches if branch.label)
        return Built(parts)

    def _loop(self, step: Loop, flow: Flow) -> Flow:
        with self._words(iteration=UNKNOWN):
            after = self.steps(step.body.steps, flow)
            until = until_of(step)
            if until is not None:
                self._reads(condition_reads(until), after, kind="until_not_produced")
        return after

    def _map(self, step: Map, flow: Flow) -> Flow:
        found: Read = UNKNOWN
        readings = list(source_reads(step.source))
        for reading in readings:
            found = self._read(reading, flow)
        whole = isinstance(step.source, Path) or parse_quoted_path(step.source.value) is not None
        item = item_of(found) if whole and len(readings) == 1 else UNKNOWN
        with self._words(item=item, index=UNKNOWN):
            return Listed(self.steps(step.body.steps, item))

    def _filter(self, step: Filter, flow: Flow) -> Flow:
        item = item_of(flow)
        with self._words(item=item, index=UNKNOWN):
            self._reads(reads_of(step), item)
            after = self.steps(step.body.steps, item)
        return Listed(after) if step.body.steps else flow

    def _build(self, step: Select | Merge, fields: Fields, flow: Flow) -> Flow:
        self._reads(reads_of(step), flow)
        parts: dict[str, Flow] = {}
        for field in fields.fields:
            parts[field.key.value] = self._built_part(field, flow)
        self.labels = ()
        return Built(parts)

    def _built_part(self, field: Field, flow: Flow) -> Flow:
        value = field.value
        if isinstance(value, Path):
            return known(self._follow(Reading(value.root, value.parts, value), flow))
        if isinstance(value, Text):
            path = parse_quoted_path(value.value)
            if path is not None:
                return known(self._follow(Reading(path.root, path.parts, value), flow))
            self._check_label(value, flow)
        return UNKNOWN

    def _check_label(self, text: Text, flow: Flow) -> None:
        """`"left.title"` after a parallel with the label `left` was probably meant as a path."""
        first = text.value.partition(".")[0].partition("[")[0]
        if isinstance(flow, Built) and first in self.labels and first in flow.parts:
            message = f'"{text.value}" is taken as it stands, not as a path.'
            hint = f'Write "result.{text.value}" to read it from the parallel block.'
            self.findings.warning("chain_type_mismatch", message, text, hint)

    def _try(self, step: Try, flow: Flow) -> Flow:
        after = self.steps(step.body.steps, flow)
        if step.catch is not None:
            with self._words(error=UNKNOWN):
                after = same(after, self.steps(step.catch.steps, flow))
        if step.final is not None:
            self.steps(step.final.steps, UNKNOWN)
        return after

    def _route(self, step: Route, flow: Flow) -> Flow:
        if isinstance(step.classifier, Name):
            self._call(step.classifier, flow)
        else:
            self._reads(condition_reads(step.classifier), flow)
        with self._words(route=UNKNOWN):
            return _either([self.steps(arm_steps(arm.body), flow) for arm in step.arms])

    def _otherwise(self, node: Block | If | None, flow: Flow) -> Flow:
        if node is None:
            return flow
        return self.steps((node,) if isinstance(node, If) else node.steps, flow)

    # --- reads -----------------------------------------------------------------------------

    def _reads(
        self, readings: Iterable[Reading], flow: Flow, kind: str = "chain_type_mismatch"
    ) -> None:
        for reading in readings:
            self._read(reading, flow, kind)

    def _read(self, reading: Reading, flow: Flow, kind: str = "chain_type_mismatch") -> Read:
        found = self._follow(reading, flow)
        if isinstance(found, Untyped):
            self._blame(found.entity)
        elif isinstance(found, Missing):
            self._report_missing(found, reading.place(self.findings), kind)
        return found

    def _follow(self, reading: Reading, flow: Flow) -> Read:
        root, parts = reading.root, reading.parts
        if reading.variable is not None:
            return read(self.variables.get(reading.variable, UNKNOWN), parts)
        if root in self.scope:
            return read(self.scope[root], parts)
        if root == "input":
            return UNKNOWN
        if reading.slot and root in self.context.specs:
            return read(Made(root, self.context.specs[root].output), parts)
        if root == "result":
            return read(flow, parts)
        return read(flow, (root, *parts))

    def _report_missing(self, found: Missing, place: Span, kind: str) -> None:
        giver = f"`{found.entity}` gives" if found.entity else "The step before gives"
        if is_branch(found.field) and not found.entity:
            message = f"The parallel block has no `{found.field}`."
        elif kind == "until_not_produced":
            message = (
                f"The last step of this loop gives no `{found.field}`, so it never stops early."
            )
        else:
            message = f"{giver} no `{found.field}`."
        listed = ", ".join(f"`{name}`" for name in found.known[:8])
        hint = self.findings.meant(found.field, found.known) or (
            f"It gives {listed}." if listed else None
        )
        self.findings.warning(kind, message, place, hint)

    def _check_input(self, name: Name, wanted: ObjectType, flow: Flow) -> None:
        if isinstance(flow, Made) and flow.output is None:
            self._blame(flow.entity)
            return
        for field in wanted.fields or ():
            found = read(flow, (field.name,))
            if isinstance(found, Missing):
                if isinstance(field.type, OptionalType):
                    continue
                giver = f"`{found.entity}` gives" if found.entity else "the step before gives"
                message = f"`{name.value}` reads `{field.name}`, but {giver} no such field."
                hint = self.findings.meant(field.name, found.known)
                self.findings.warning("chain_type_mismatch", message, name, hint)
            elif not fits(type_of(found), field.type):
                message = (
                    f"`{name.value}` reads `{field.name}` as {to_text(field.type)}, "
                    f"but gets {to_text(type_of(found))}."
                )
                self.findings.warning("chain_type_mismatch", message, name)

    def blame_answer(self, name: str | None) -> None:
        """The program's own output is read, too."""
        spec = self.context.specs.get(name) if name else None
        if name and spec is not None and spec.output is None:
            self._blame(name)

    def _blame(self, name: str) -> None:
        entity = self.context.entities[name]
        if name in self.blamed or property_of(entity, "output") is not None:
            return
        self.blamed.add(name)
        message = f"`{name}` has no output block, so its answer is free text."
        hint = 'Say what it gives: "output": { "title": "string" }.'
        self.findings.warning("no_output_schema", message, entity.name, hint)

    @contextmanager
    def _words(self, **words: Flow) -> Generator[None, None, None]:
        outer = self.scope
        self.scope = {**outer, **words}
        try:
            yield
        finally:
            self.scope = outer


def _captured_twice(context: Context) -> frozenset[str]:
    """What such a variable holds depends on the way the run took."""
    seen: set[str] = set()
    twice: set[str] = set()
    for step in all_steps(context.program):
        if step.capture is not None:
            name = capture_name(step.capture)
            (twice if name in seen else seen).add(name)
    return frozenset(twice)


def _either(flows: list[Flow]) -> Flow:
    first = flows[0] if flows else UNKNOWN
    return first if all(flow == first for flow in flows) else UNKNOWN
