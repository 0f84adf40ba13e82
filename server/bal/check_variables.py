"""Variables: captured somewhere, set before they are read, read after all."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from server.bal.check_context import Context
from server.bal.findings import Findings
from server.bal.nodes import (
    Block,
    Chain,
    Filter,
    Gate,
    If,
    Loop,
    Map,
    Name,
    Parallel,
    Route,
    Step,
    Try,
    Variable,
    When,
)
from server.bal.properties import property_of
from server.bal.reads import Reading, condition_reads, reads_of, slot_reads
from server.bal.vocabulary import RESERVED_VARIABLES
from server.bal.walk import all_steps, arm_steps, until_of

_RESERVED = frozenset(word.name[1:] for word in RESERVED_VARIABLES)


def check_variables(context: Context) -> None:
    captures = _captures(context)
    flow = _Assignment(captures, context.findings)
    flow.steps(context.program.steps)
    for reading in _outer_slots(context):
        flow.read(reading, anywhere=True)
    for name, nodes in captures.items():
        if name in flow.used:
            continue
        for node in nodes:
            message = f"The value kept as `{name}` is never read."
            hint = f"Read it as ${name}, or leave `=> {name}` out."
            context.findings.warning("unused_variable", message, node, hint)


def capture_name(node: Name | Variable) -> str:
    return node.value if isinstance(node, Name) else node.name


def _captures(context: Context) -> dict[str, list[Name | Variable]]:
    found: dict[str, list[Name | Variable]] = {}
    for step in all_steps(context.program):
        if step.capture is not None:
            found.setdefault(capture_name(step.capture), []).append(step.capture)
    return found


def _outer_slots(context: Context) -> Iterable[Reading]:
    """Slots outside the steps: the default input, and where results go at the end."""
    if context.program.run is not None:
        yield from slot_reads(context.program.run.value)
    for entity in context.program.entities:
        target = property_of(entity, "output_to")
        if target is not None:
            yield from slot_reads(target.value)


class _Assignment:
    """Walks the steps in the order they run and keeps the set of variables that are set for
    certain. `trail` remembers what was added, so that a branch can be taken back."""

    def __init__(self, captures: dict[str, list[Name | Variable]], findings: Findings) -> None:
        self.captures = captures
        self.findings = findings
        self.used: set[str] = set()
        self.certain: set[str] = set()
        self.trail: list[str] = []

    def steps(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self._step(step)

    def read(self, reading: Reading, *, anywhere: bool = False) -> None:
        name = reading.variable
        if name is None:
            return
        self.used.add(name)
        if name in self.captures:
            if name not in self.certain and not anywhere:
                message = f"`${name}` may not be set here; it reads as null then."
                self.findings.warning("maybe_unset_variable", message, reading.place(self.findings))
        elif name not in _RESERVED:
            self._report_unknown(name, reading)

    def _report_unknown(self, name: str, reading: Reading) -> None:
        known = chain(self.captures, sorted(_RESERVED))
        hint = self.findings.meant(name, known) or f"Keep a step's value with `=> {name}`."
        message = f"No step keeps a value as `{name}`."
        place = reading.place(self.findings)
        if reading.slot:
            self.findings.warning("unknown_variable", message, place, hint)
        else:
            self.findings.error("unknown_variable", message, place, hint)

    def _step(self, step: Step) -> None:
        if not isinstance(step, Loop):
            for reading in reads_of(step):
                self.read(reading)
        before = len(self.trail)
        self._inside(step)
        if step.on_error is not None and step.on_error.action in ("skip", "continue"):
            self._take_back(before)
        if step.capture is not None:
            self._set(capture_name(step.capture))

    def _inside(self, step: Step) -> None:
        match step:
            case Chain(body=body):
                self.steps(body.steps)
            case Loop(body=body):
                self.steps(body.steps)
                until = until_of(step)
                for reading in condition_reads(until) if until else ():
                    self.read(reading)
            case Parallel(branches=branches):
                self._all(self._branch((branch.step,)) for branch in branches)
            case If(then=then, otherwise=otherwise):
                self._either([then.steps, _otherwise(otherwise)])
            case Gate(body=body):
                self._branch(body.steps)
            case Map(body=body) | Filter(body=body):
                self._branch(body.steps)
            case Try():
                self._try(step)
            case Route(arms=arms):
                self._either([arm_steps(arm.body) for arm in arms])
            case When(arms=arms):
                missing: list[tuple[Step, ...]] = [()] if len(arms) < 2 else []
                self._either([*(arm_steps(arm.body) for arm in arms), *missing])
            case _:
                return

    def _try(self, step: Try) -> None:
        body = self._branch(step.body.steps)
        if step.catch is None:
            self._all([body])
        else:
            caught = self._branch(step.catch.steps)
            self._all([body & caught])
        if step.final is not None:
            # It also runs after a failure, when nothing of the body is certain.
            self._without(body, step.final.steps)

    def _without(self, names: set[str], steps: tuple[Step, ...]) -> None:
        hidden = names & self.certain
        self.certain -= hidden
        self.steps(steps)
        self.certain |= hidden

    def _either(self, ways: list[tuple[Step, ...]]) -> None:
        found = [self._branch(way) for way in ways]
        self._all([set[str].intersection(*found)] if found else [])

    def _branch(self, steps: tuple[Step, ...]) -> set[str]:
        """What these steps set, taken back again."""
        before = len(self.trail)
        self.steps(steps)
        return self._take_back(before)

    def _all(self, groups: Iterable[set[str]]) -> None:
        for names in list(groups):
            for name in names:
                self._set(name)

    def _set(self, name: str) -> None:
        if name not in self.certain:
            self.certain.add(name)
            self.trail.append(name)

    def _take_back(self, before: int) -> set[str]:
        names = set(self.trail[before:])
        self.certain -= names
        del self.trail[before:]
        return names


def _otherwise(node: Block | If | None) -> tuple[Step, ...]:
    if isinstance(node, If):
        return (node,)
    return node.steps if node else ()
