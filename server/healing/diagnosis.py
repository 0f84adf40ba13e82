"""What a failure means and what helps: one table from the kind of a run error to its class, its
cause in words and the two or three actions that work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from server.models.enums import FailureClass

LABELS: Final = {
    "retry": "Try this step again; what is finished before it is kept.",
    "edit_and_retry": "Change the input or an earlier result, then try again from this step.",
    "skip": "Go on without this step: its input takes the place of its result.",
    "other_model": "Give the entity another model or a fallback, then try again with the draft.",
    "edit_bot": "Mend the program, then try again from this step with the draft.",
    "reconnect": "Check the key or the address of the connection, then try again.",
    "raise_limit": "Raise the limit, then try again.",
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    failure_class: FailureClass
    cause: str
    actions: tuple[str, ...]

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
        "The program names a tool that is not there.",
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
        "raise_limit", "skip",
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
        "reconnect", "skip",
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
        "A limit of steps, calls, tokens or money is used up.",
        "raise_limit", "edit_bot",
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

OTHER: Final = _of(
    FailureClass.UNKNOWN, "It failed for a reason that is not known here.", "retry", "skip"
)


def diagnosis(kind: str) -> Diagnosis:
    return KINDS.get(kind, OTHER)
