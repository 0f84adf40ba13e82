"""What a call may cost before it is made: its input counted generously, its output at the most it
is allowed to write. A call under a hard limit may not write more than was set aside for it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from server.connections.providers import BY_NAME
from server.core.jsontext import dumps
from server.core.money import round_half_even
from server.llm.catalogue import Catalogue, ModelFacts, Rates
from server.llm.images import TOKENS_PER_IMAGE
from server.llm.messages import ChatRequest, ModelAnswer, Usage
from server.llm.pricing import exact_cost
from server.llm.routing import Route
from server.llm.workspace_models import Own

# Nano-dollars per token where no price is known, so that a limit still means something.
UNKNOWN_RATES = Rates(input=Decimal(1000), output=Decimal(3000))
MOST_OUTPUT = 16_384
USUAL_OUTPUT = 4_096
LEAST_OUTPUT = 1_024
_BYTES_PER_TOKEN = 3
_TOKENS_PER_MESSAGE = 8


@dataclass(frozen=True, slots=True)
class Quote:
    """`output_tokens` is what it may write; `known` whether the price is."""

    facts: ModelFacts
    input_tokens: int
    output_tokens: int
    known: bool

    @property
    def nano(self) -> int:
        return self.cost(self.output_tokens)

    @property
    def least_nano(self) -> int:
        """Less than this is not worth asking for."""
        return self.cost(min(self.output_tokens, LEAST_OUTPUT))

    @property
    def input_nano(self) -> int:
        return self.cost(0)

    def cost(self, output_tokens: int) -> int:
        usage = Usage(self.input_tokens, output_tokens)
        return int(exact_cost(self.facts, usage).to_integral_value(rounding=ROUND_CEILING))

    def within(self, nano: int) -> Quote | None:
        """The same call with as much output as the amount pays for; None: not worth it."""
        if nano < self.least_nano:
            return None
        each = max(1, self.cost(self.output_tokens) - self.input_nano)
        tokens = min(self.output_tokens, (nano - self.input_nano) * self.output_tokens // each)
        return Quote(self.facts, self.input_tokens, max(1, tokens), self.known)


def quote(known: Catalogue, route: Route, request: ChatRequest, own: Own) -> Quote | None:
    """None for what costs nothing."""
    provider = route.provider
    if provider is None or provider.free:
        return None
    listed = known.find(provider, route.model)
    rates = own.prices.get(f"{provider.name}:{route.model}".lower())
    facts = _with_rates(route.model, rates) if rates is not None else listed
    priced = facts is not None and facts.rates is not None
    if facts is None or facts.rates is None:
        facts = _with_rates(route.model, UNKNOWN_RATES)
    most = listed.output if listed is not None else None
    return Quote(facts, input_tokens(request), _output(request, most), priced)


def input_tokens(request: ChatRequest) -> int:
    seen = sum(len(message.images) for message in request.messages) * TOKENS_PER_IMAGE
    size = sum(len(message.content.encode()) for message in request.messages)
    size += sum(len(c.arguments) + len(c.name) for m in request.messages for c in m.tool_calls)
    size += sum(len(dumps(t.parameters)) + len(t.description) + 40 for t in request.tools)
    size += len(dumps(request.output_schema)) if request.output_schema else 0
    return seen + -(-size // _BYTES_PER_TOKEN) + _TOKENS_PER_MESSAGE * (len(request.messages) + 2)


def settled(answer: ModelAnswer, quoted: Quote) -> int:
    """What it did cost; where no price is known, what it is taken to have cost."""
    if answer.cost is not None:
        return answer.cost
    return int(exact_cost(quoted.facts, answer.usage).to_integral_value(rounding=ROUND_CEILING))


def priced(known: Catalogue, answer: ModelAnswer, own: Own) -> tuple[int | None, Rates | None, str]:
    """Cost, rates and where they come from, by the workspace's own prices first."""
    provider = BY_NAME.get(answer.provider)
    if provider is None:
        return answer.cost, None, ""
    asked = answer.requested_model
    prefix, colon, rest = asked.partition(":")
    plain = rest if colon and BY_NAME.get(prefix.lower()) is provider else asked
    for model in (plain, answer.model):
        rates = own.prices.get(f"{provider.name}:{model}".lower())
        if rates is not None:
            cost = exact_cost(_with_rates(model, rates), answer.usage)
            return round_half_even(cost), rates, "workspace"
    for model in (plain, answer.model):
        facts = known.find(provider, model)
        if facts is not None and facts.rates is not None:
            return answer.cost, _reached(facts, answer.usage), "table"
    return answer.cost, None, ""


def _reached(facts: ModelFacts, usage: Usage) -> Rates | None:
    reached = [rates for level, rates in facts.tiers if usage.input_tokens > level]
    return reached[-1] if reached else facts.rates


def _output(request: ChatRequest, most: int | None) -> int:
    if request.max_tokens is not None:
        return request.max_tokens
    return min(most, MOST_OUTPUT) if most else USUAL_OUTPUT


def _with_rates(model: str, rates: Rates) -> ModelFacts:
    return ModelFacts(
        name=model,
        provider="",
        mode="chat",
        rates=rates,
        tiers=(),
        schema=False,
        tools=False,
        reasoning=False,
        context=None,
        deprecated=None,
    )
