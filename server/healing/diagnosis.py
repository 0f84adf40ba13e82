"""What a failure means and what helps: one table from the kind of a run error to its class, its
cause in words and the two or three actions that work, and what of them works at this step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from server.models.enums import FailureClass

LABELS: Final = {
    "retry": "Try this step again; what is finished before it is kept.",
    "edit_and_retry": "Change what it is given, then try again from this step.",
    "skip": "Go on without this step: its input takes the place of its result.",
    "other_model": "Choose another model for the entity, then try again from this step.",
    "edit_bot": "Mend the program, then try again from this step with the draft.",
    "reconnect": "Check the key or the address of the connection, then try again.",
    "raise_limit": "Raise what one execution of this workspace may use, then try again.",
    "raise_budget": "Raise the budget, then try again.",
}
# What has a model to choose.
ASKS_MODELS: Final = frozenset({"entity", "route", "when"})
# What is given something that a person can put something else in the place of while it waits.
EDITABLE: Final = frozenset({"entity", "use", "tool"})
# A tool that a model called is done again with its entity, and passed by only while it waits.
OF_A_MODEL: Final = "tool"
# Two of these work where too few of the table do.
ALWAYS: Final = ("retry", "skip", "edit_bot")
FEWEST: Final = 2


@dataclass(frozen=True, slots=True)
class Diagnosis:
    failure_class: FailureClass
    cause: str
    actions: tuple[str, ...]

    def at(self, step_type: str | None, *, waits: bool) -> Diagnosis:
        """With those actions that work at a step of this type; None: no step is known. `waits`: a
        person is asked, and the program of a run under way stays as it is."""
        left_out: set[str] = set()
        if step_type is not None and step_type not in ASKS_MODELS:
            left_out.add("other_model")
        if waits:
            left_out.add("edit_bot")
        if waits and step_type not in EDITABLE:
            left_out |= {"edit_and_retry", "other_model"}
        if step_type == OF_A_MODEL and not waits:
            left_out.add("skip")
        kept = [word for word in self.actions if word not in left_out]
        more = (word for word in ALWAYS if word not in left_out and word not in kept)
        while len(kept) < FEWEST:
            kept.append(next(more))
        return replace(self, actions=tuple(kept))

    def to_json(self) -> dict[str, Any]:
        return {
            "class": self.failure_class.value,
            "cause": self.cause,
            "actions": [{"action": word, "label": LABELS[word]} for word in self.actions],
        }


def _of(failure_class: FailureClass, cause: str, *actions: str) -> Diagnosis:
    return Diagnosis(failure_class, cause, actions)


KINDS: Final[dict[str, Diagnosis]] = {
    "timeout": _of(
        FailureClass.TIMEOUT,
        "It took longer than it may.",
        "retry", "other_model", "skip",
    ),
    "provider_unavailable": _of(
        FailureClass.NETWORK,
        "The provider of the model could not be reached, the connection to it broke, or it is left "
        "alone for a while.",
        "retry", "other_model", "skip",
    ),
    "provider_failed": _of(
        FailureClass.SERVER,
        "The provider of the model was reached, and failed or is overloaded.",
        "retry", "other_model", "skip",
    ),
    "bad_answer": _of(
        FailureClass.TRANSIENT,
        "The provider broke off its answer or sent something unreadable.",
        "retry", "other_model", "skip",
    ),
    "rate_limited": _of(
        FailureClass.RATE_LIMIT,
        "The provider allows no more calls for the moment.",
        "retry", "other_model",
    ),
    "provider_auth": _of(
        FailureClass.AUTH,
        "There is no key for the provider, or it refused the one that it was given.",
        "reconnect", "other_model",
    ),
    "model_unknown": _of(
        FailureClass.AI,
        "The provider does not know this model, or no provider is set up for it.",
        "other_model", "reconnect",
    ),
    "context_too_long": _of(
        FailureClass.AI,
        "What the entity was given is longer than its model can read.",
        "edit_and_retry", "other_model", "skip",
    ),
    "content_refused": _of(
        FailureClass.AI,
        "The provider refused the content.",
        "edit_and_retry", "other_model", "skip",
    ),
    "bad_request": _of(
        FailureClass.AI,
        "The provider did not accept the request as it was made.",
        "edit_and_retry", "other_model",
    ),
    "not_recorded": _of(
        FailureClass.DATA,
        "The recording does not hold what was asked: the program or its input is another one.",
        "edit_and_retry", "edit_bot",
    ),
    "entity_failed": _of(
        FailureClass.AI,
        "The entity did not come to an answer that can be used.",
        "retry", "other_model", "skip",
    ),
    "schema_mismatch": _of(
        FailureClass.DATA,
        "The answer does not fit the output block, also after it was asked for once more.",
        "retry", "other_model", "edit_bot",
    ),
    "not_a_list": _of(
        FailureClass.DATA,
        "A list was expected, and something else came.",
        "edit_and_retry", "edit_bot",
    ),
    "no_route": _of(
        FailureClass.DATA,
        "The answer names a route that the program does not have.",
        "retry", "edit_and_retry", "edit_bot",
    ),
    "invalid_input": _of(
        FailureClass.DATA,
        "What the tool was given does not fit what it takes.",
        "edit_and_retry", "edit_bot", "skip",
    ),
    "invalid_arguments": _of(
        FailureClass.DATA,
        "What the tool was given does not fit what it takes.",
        "edit_and_retry", "edit_bot", "skip",
    ),
    "tool_not_found": _of(
        FailureClass.PROGRAM,
        "The step needs a tool that is not there.",
        "edit_bot", "skip",
    ),
    "not_found": _of(
        FailureClass.PROGRAM,
        "What the step names is not in this workspace.",
        "edit_bot", "edit_and_retry", "skip",
    ),
    "bal_invalid": _of(
        FailureClass.PROGRAM,
        "The bot that was to be started has errors in its program.",
        "edit_bot", "skip",
    ),
    "conflict": _of(
        FailureClass.DATA,
        "Somebody else changed the same thing first.",
        "retry", "edit_and_retry", "skip",
    ),
    "too_large": _of(
        FailureClass.DATA,
        "A value is larger than it may be.",
        "edit_and_retry", "edit_bot", "skip",
    ),
    "not_storable": _of(
        FailureClass.DATA,
        "A value cannot be written down as JSON.",
        "edit_and_retry", "edit_bot", "skip",
    ),
    "limit_reached": _of(
        FailureClass.BUDGET,
        "The workspace may not have more of this.",
        "retry", "skip",
    ),
    "forbidden": _of(
        FailureClass.POLICY,
        "A rule of the workspace forbids this.",
        "skip", "edit_bot",
    ),
    "unavailable": _of(
        FailureClass.TOOL,
        "What the tool needs could not be reached.",
        "retry", "skip",
    ),
    "tool_failed": _of(
        FailureClass.TOOL,
        "The tool reported a failure.",
        "retry", "edit_and_retry", "skip",
    ),
    "upstream_failed": _of(
        FailureClass.TOOL,
        "The service behind the tool failed.",
        "retry", "skip",
    ),
    "search_unavailable": _of(
        FailureClass.TOOL,
        "No search service is set up or reachable.",
        "retry", "skip",
    ),
    "tool_forbidden": _of(
        FailureClass.POLICY,
        "A rule of the workspace forbids this.",
        "skip", "edit_bot",
    ),
    "approval_denied": _of(
        FailureClass.POLICY,
        "A person refused it.",
        "edit_and_retry", "skip",
    ),
    "approval_timeout": _of(
        FailureClass.POLICY,
        "Nobody decided in time.",
        "retry", "skip",
    ),
    "approval_required": _of(
        FailureClass.POLICY,
        "A person has to decide, and nobody can be asked here.",
        "retry", "edit_bot",
    ),
    "budget_exceeded": _of(
        FailureClass.BUDGET,
        "The program asks for more than one step of it may do.",
        "edit_bot", "edit_and_retry",
    ),
    "spawn_depth_exceeded": _of(
        FailureClass.PROGRAM,
        "Bots start each other deeper than they may.",
        "edit_bot", "skip",
    ),
    "worker_lost": _of(
        FailureClass.WORKER,
        "Several workers were lost at the same step; it may need too much memory.",
        "retry", "edit_and_retry", "skip",
    ),
    "outcome_unknown": _of(
        FailureClass.WORKER,
        "A worker was lost in the middle of a call that must not be made twice.",
        "retry", "skip",
    ),
    "plan_unreadable": _of(
        FailureClass.PROGRAM,
        "The version was made by another release or is gone.",
        "edit_bot", "retry",
    ),
    "internal": _of(
        FailureClass.UNKNOWN,
        "The engine itself failed; its log says more.",
        "retry", "edit_bot",
    ),
}  # fmt: skip

# Of these kinds the limit says which one it was, and so where it is raised.
LIMITED: Final[dict[tuple[str, str], Diagnosis]] = {
    ("budget_exceeded", "run"): _of(
        FailureClass.BUDGET,
        "What one execution of this workspace may use is used up: its steps, calls, tokens or "
        "money.",
        "raise_limit", "retry", "edit_bot",
    ),
    ("budget_exceeded", "budget"): _of(
        FailureClass.BUDGET,
        "A budget of the workspace is spent.",
        "raise_budget", "other_model", "retry",
    ),
    ("budget_exceeded", "entity"): _of(
        FailureClass.BUDGET,
        "The entity has spent the `budget` that the program gives it for one call.",
        "edit_bot", "other_model", "edit_and_retry",
    ),
    ("timeout", "run"): _of(
        FailureClass.TIMEOUT,
        "The whole execution took longer than one of this workspace may work.",
        "raise_limit", "retry", "edit_bot",
    ),
    ("timeout", "queue"): _of(
        FailureClass.TIMEOUT,
        "No worker, or no place of its bot, was free in the time that it may wait in the queue.",
        "retry", "edit_and_retry",
    ),
}  # fmt: skip

OTHER: Final = _of(
    FailureClass.UNKNOWN, "It failed for a reason that is not known here.", "retry", "skip"
)


def diagnosis(kind: str, limit: str | None = None) -> Diagnosis:
    """`limit`: which one was reached, where that is known."""
    return LIMITED.get((kind, limit or ""), KINDS.get(kind, OTHER))
