"""From what the library or the network raised to a ModelError: a kind, what happened, advice."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from time import time
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from server.core.errors import AddressRefused
from server.core.ids import public_id
from server.core.logs import REDACTION
from server.llm.catalogue import ModelFacts, catalogue
from server.llm.collector import TooMuch
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.routing import Route, did_you_mean

# By the names of the library's error classes; the most exact ones first.
_KINDS: tuple[tuple[str, ModelErrorKind], ...] = (
    ("ContextWindowExceededError", ModelErrorKind.CONTEXT_TOO_LONG),
    ("ContentPolicyViolationError", ModelErrorKind.CONTENT_REFUSED),
    ("AuthenticationError", ModelErrorKind.PROVIDER_AUTH),
    ("PermissionDeniedError", ModelErrorKind.PROVIDER_AUTH),
    ("RateLimitError", ModelErrorKind.RATE_LIMITED),
    ("Timeout", ModelErrorKind.TIMEOUT),
    ("NotFoundError", ModelErrorKind.MODEL_UNKNOWN),
    ("APIResponseValidationError", ModelErrorKind.BAD_ANSWER),
    ("JSONSchemaValidationError", ModelErrorKind.BAD_ANSWER),
    ("BadRequestError", ModelErrorKind.BAD_REQUEST),
    ("UnprocessableEntityError", ModelErrorKind.BAD_REQUEST),
    # The library gives it the status 500, though nobody answered.
    ("APIConnectionError", ModelErrorKind.PROVIDER_UNAVAILABLE),
)
_ANSWERED = frozenset(
    name for name, kind in _KINDS if kind is not ModelErrorKind.PROVIDER_UNAVAILABLE
)
_UNREACHED = frozenset(
    {"ConnectError", "ClientConnectorError", "ConnectTimeout", "ClientConnectorDNSError"}
)
_BROKEN = frozenset(
    {
        "RemoteProtocolError",
        "ReadError",
        "ClientPayloadError",
        "ServerDisconnectedError",
        "ConnectionResetError",
        "ClientOSError",
        "IncompleteRead",
        "TransferEncodingError",
    }
)
_NO_MODEL = re.compile(
    r"model[^\n]{0,120}?(?:not found|does not exist|not exist|unknown|not supported|invalid)"
    r"|(?:unknown|invalid|no such|unsupported) model|model_not_found",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"context.?length|context.?window|maximum context|too many tokens|prompt is too long"
    r"|exceeds? the (?:maximum|available) (?:context|number of tokens)",
    re.IGNORECASE,
)
_WRONG_KEY = re.compile(
    r"(?:incorrect|invalid) api.?key|api.?key (?:not valid|invalid)", re.IGNORECASE
)
_QUOTA = re.compile(r"insufficient_quota|exceeded your current quota|billing", re.IGNORECASE)
_PREFIX = re.compile(r"^(?:litellm\.)?(?:\w+Exception )?\w+(?:Error|Exception|Timeout)\s*[:-]\s*")
_LONGEST = 300
KEPT_OF_TOO_MUCH = 64 * 1024


def from_exception(error: Exception, route: Route, partial: str = "") -> ModelError:
    """For anything that the library raised."""
    if (ours := _ours_in(error)) is not None:
        if isinstance(ours, TooMuch):
            return too_much(route, str(ours), partial[:KEPT_OF_TOO_MUCH])
        return not_allowed(route, ours)
    chain = _names_of(error)
    # The library wraps what breaks a stream; the wrapper's own words say nothing.
    while isinstance(inner := getattr(error, "original_exception", None), Exception):
        error, chain = inner, chain | _names_of(inner)
    if chain & _UNREACHED:
        return unreached(route, _cause(error))
    status = getattr(error, "status_code", None)
    words = own_words(str(getattr(error, "message", "") or error), route)
    if chain & _BROKEN or (status is None and not chain & _ANSWERED):
        return broken_off(route, partial)
    kind = next((kind for name, kind in _KINDS if name in chain), _by_status(status))
    if partial and kind is ModelErrorKind.PROVIDER_UNAVAILABLE:
        kind = ModelErrorKind.PROVIDER_FAILED  # who had begun to answer was reached
    return refused(kind, words, route, status, retry_after(_headers_of(error)), partial)


def refused(
    kind: ModelErrorKind,
    words: str,
    route: Route,
    status: int | None,
    wait: float | None,
    partial: str = "",
) -> ModelError:
    """The provider answered, and its answer is a refusal."""
    kind = _refined(kind, words, status)
    if kind is ModelErrorKind.MODEL_UNKNOWN and not _NO_MODEL.search(words):
        return _wrong_address(route, words, status)
    if kind is ModelErrorKind.MODEL_UNKNOWN:
        return unknown_model(route, status)
    may_retry = False if kind is ModelErrorKind.RATE_LIMITED and _QUOTA.search(words) else None
    said = f" It says: “{words}”" if words else ""
    return ModelError(
        kind,
        _happened(kind, route, status) + said,
        _advice(kind, route, may_retry),
        retryable=may_retry,
        retry_after=wait,
        status=status,
        partial=partial,
    )


def check_talks(route: Route, facts: ModelFacts | None) -> None:
    if facts is not None and facts.only_searches:
        raise ModelError(
            ModelErrorKind.BAD_REQUEST,
            f"The model “{route.model}” needs a search of OpenAI's own beside it, which a bot "
            "cannot give it.",
            "Choose another model, and give the entity a tool that searches.",
        )


def unknown_model(route: Route, status: int | None = None) -> ModelError:
    """The nearest names are told where we know what the provider has."""
    assert route.provider is not None
    house = route.provider.name
    near = [] if route.api_base else catalogue().nearest(route.provider, route.model)
    names = [f"{house}:{name}" for name in near if name != route.model]
    return ModelError(
        ModelErrorKind.MODEL_UNKNOWN,
        f"{who(route)} has no model “{route.model}”.",
        did_you_mean(names) or "Check the name of the model.",
        status=status,
    )


def nearest_served(route: Route, served: Sequence[str]) -> str:
    """For an endpoint of one's own, by what it says it serves."""
    served = [name for name in served if name != route.model]
    close = difflib.get_close_matches(route.model.lower(), served, n=3, cutoff=0.5)
    house = route.provider.name if route.provider else ""
    if close:
        return did_you_mean([f"{house}:{name}" for name in close])
    return f"It serves {', '.join(served[:5])}." if served else "Check the name of the model."


def unreached(route: Route, cause: str = "") -> ModelError:
    if cause.startswith("[SSL:"):
        return _not_secure(route, cause)
    reason = f" ({cause})" if cause else ""
    base = route.base_name or "its address"
    return ModelError(
        ModelErrorKind.PROVIDER_UNAVAILABLE,
        f"{who(route)} could not be reached{reason}.",
        f"Check that it runs and that {base} is right."
        if route.api_base
        else "Check the network of this machine.",
    )


def _not_secure(route: Route, cause: str) -> ModelError:
    """Time heals no certificate, and nothing is sent without one."""
    speaks = "CERTIFICATE_VERIFY_FAILED" in cause
    why = cause.rpartition("failed: ")[2].partition(" (_ssl")[0] if speaks else ""
    base = route.base_name or "the address"
    return ModelError(
        ModelErrorKind.PROVIDER_UNAVAILABLE,
        f"{who(route)} has no valid certificate ({why})."
        if speaks
        else f"{who(route)} does not speak TLS.",
        "Give it a certificate that this machine trusts; SSL_CERT_FILE may name an authority."
        if speaks
        else f"Check {base}: should it begin with http://?",
        retryable=False,
    )


def not_allowed(route: Route, refusal: AddressRefused) -> ModelError:
    """Our own policy for outgoing connections stopped the call."""
    return ModelError(
        ModelErrorKind.PROVIDER_UNAVAILABLE,
        f"{who(route)} may not be called: {refusal.message}",
        refusal.hint or "Check the address of the connection.",
        retryable=False,
    )


def redirected(route: Route, where: str) -> ModelError:
    """A key is not carried after a redirect."""
    host = urlsplit(where).hostname if where.isprintable() else None
    base = route.base_name or "the address"
    return ModelError(
        ModelErrorKind.PROVIDER_UNAVAILABLE,
        f"{who(route)} redirects to {host or 'another address'}; the key was not sent there.",
        f"Check {base}: give the address it redirects to, if that is right.",
        retryable=False,
    )


def broken_off(route: Route, partial: str) -> ModelError:
    come = f" after {len(partial)} characters" if partial else " before it began"
    return ModelError(
        ModelErrorKind.PROVIDER_UNAVAILABLE,
        f"{who(route)} broke off its answer{come}.",
        "The connection was lost or the provider stopped; try again.",
        partial=partial,
    )


def timed_out(route: Route, why: str, partial: str) -> ModelError:
    return ModelError(
        ModelErrorKind.TIMEOUT,
        f"{who(route)} {why}.",
        "Try again, choose a faster model, or give the entity a longer timeout.",
        partial=partial,
    )


def unreadable(route: Route, what: str, partial: str = "") -> ModelError:
    return ModelError(
        ModelErrorKind.BAD_ANSWER,
        f"{who(route)} answered with {what}.",
        f"Check that {route.base_name} is the address of an OpenAI-compatible API."
        if route.api_base
        else "Try again, or choose another model.",
        partial=partial,
    )


def too_much(route: Route, what: str, partial: str) -> ModelError:
    """The same question would most likely end the same way; another model may do better."""
    return ModelError(
        ModelErrorKind.BAD_ANSWER,
        f"{who(route)} answered with {what}; it was stopped.",
        "Ask for less at once, set maxTokens, or choose another model.",
        retryable=False,
        partial=partial,
    )


def declined(route: Route, words: str, partial: str) -> ModelError:
    """The model itself, or a filter before it, will not answer this."""
    said = own_words(words, route)
    return ModelError(
        ModelErrorKind.CONTENT_REFUSED,
        f"The model “{route.model}” refuses to answer." + (f" It says: “{said}”" if said else ""),
        "Change the goal or the input, or choose another model.",
        partial=partial,
    )


def cut_short(route: Route, what: str, partial: str = "") -> ModelError:
    return ModelError(
        ModelErrorKind.BAD_ANSWER,
        f"The model “{route.model}” reached its limit of tokens {what}.",
        "Give the entity more maxTokens, ask for less, or choose another model.",
        retryable=False,
        partial=partial,
    )


def who(route: Route) -> str:
    """The provider by its name, or the address of an endpoint of one's own."""
    if route.provider is None:
        return "The demo model"
    if not route.api_base:
        return route.provider.label
    address = urlsplit(route.api_base)
    host = address.hostname or ""
    port = f":{address.port}" if address.port else ""
    return f"The model endpoint {host}{port}"


def own_words(text: str, route: Route) -> str:
    """What the provider itself said, short, on one line, and without the key."""
    found = _message_in(text)
    plain = " ".join(found.replace("\\'", "'").split()).partition(" Traceback (most recent")[0]
    while (cut := _PREFIX.sub("", plain)) != plain:
        plain = cut
    if plain.startswith("<"):
        return "an HTML page"
    if route.api_key and len(route.api_key) > 3:
        plain = plain.replace(route.api_key, "•••")
    plain = REDACTION.text(plain)
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from either form of the header."""
    found = {name.lower(): value for name, value in headers.items()}
    if (milliseconds := _number(found.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    value = found.get("retry-after")
    if (seconds := _number(value)) is not None:
        return max(0.0, seconds)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time()) if value else None
    except ValueError:
        return None


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _by_status(status: int | None) -> ModelErrorKind:
    if status in (401, 403):
        return ModelErrorKind.PROVIDER_AUTH
    if status == 404:
        return ModelErrorKind.MODEL_UNKNOWN
    if status == 429:
        return ModelErrorKind.RATE_LIMITED
    if status == 408:
        return ModelErrorKind.TIMEOUT
    if status is not None and 400 <= status < 500:
        return ModelErrorKind.BAD_REQUEST
    return ModelErrorKind.PROVIDER_FAILED


def _refined(kind: ModelErrorKind, words: str, status: int | None) -> ModelErrorKind:
    """Providers say the same thing with different codes; their words decide."""
    if kind is ModelErrorKind.BAD_REQUEST and _TOO_LONG.search(words):
        return ModelErrorKind.CONTEXT_TOO_LONG
    if kind is ModelErrorKind.BAD_REQUEST and blames_the_key(words):
        return ModelErrorKind.PROVIDER_AUTH
    if kind is ModelErrorKind.BAD_REQUEST and _NO_MODEL.search(words):
        return ModelErrorKind.MODEL_UNKNOWN
    return kind


def _happened(kind: ModelErrorKind, route: Route, status: int | None) -> str:
    name = who(route)
    code = f" ({status})" if status else ""
    return {
        ModelErrorKind.PROVIDER_AUTH: f"{name} refused the key{code}.",
        ModelErrorKind.RATE_LIMITED: f"{name} accepts no more calls for now{code}.",
        ModelErrorKind.CONTEXT_TOO_LONG: f"The input is too long for the model “{route.model}”.",
        ModelErrorKind.CONTENT_REFUSED: f"{name} refused this content{code}.",
        ModelErrorKind.BAD_REQUEST: f"{name} did not accept the request{code}.",
        ModelErrorKind.TIMEOUT: f"{name} took too long{code}.",
        ModelErrorKind.BAD_ANSWER: f"{name} gave an answer that cannot be read{code}.",
    }.get(kind, f"{name} failed{code}.")


def _advice(kind: ModelErrorKind, route: Route, may_retry: bool | None) -> str:
    key = route.key_name or "the key"
    if kind is ModelErrorKind.RATE_LIMITED and may_retry is False:
        return "The account has no credit left: check its billing."
    return {
        ModelErrorKind.PROVIDER_AUTH: f"Check {key} under AI connections ({_place(route)}) and "
        "run again, or run in demo."
        if route.connection
        else f"Check {key} and start again, or run in demo.",
        ModelErrorKind.RATE_LIMITED: "Wait a little, run fewer at once, or choose another model.",
        ModelErrorKind.CONTEXT_TOO_LONG: "Shorten the input, or choose a model with more context.",
        ModelErrorKind.CONTENT_REFUSED: "Change the goal or the input.",
        ModelErrorKind.BAD_REQUEST: "Check the settings of the entity: model, tools, output.",
    }.get(kind, "Try again, or choose another model.")


def _place(route: Route) -> str:
    """Where the connection is: a page makes a link of it, the command line an address."""
    try:
        return f"/connections?connection={public_id('connection', UUID(route.connection or ''))}"
    except ValueError:
        return "/connections"


def _wrong_address(route: Route, words: str, status: int | None) -> ModelError:
    base = route.base_name or "the address"
    said = f" It says: “{words}”" if words else ""
    return ModelError(
        ModelErrorKind.PROVIDER_UNAVAILABLE,
        f"{who(route)} has nothing at this address ({status or 404}).{said}",
        f"Check {base}: it usually ends with /v1." if route.api_base else "",
        retryable=False,
        status=status,
    )


def _message_in(text: str) -> str:
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        return text
    inner = text[start : end + 1]
    try:
        body = json.loads(inner)
    except ValueError:
        found = re.search(r"""['"]message['"]\s*:\s*(['"])(.*?)\1\s*[,}]""", inner)
        return found.group(2) if found else text
    return _deep_message(body) or text


def _deep_message(body: Any) -> str:
    if isinstance(body, str):
        return body
    if isinstance(body, dict):
        for key in ("error", "message", "detail"):
            if body.get(key) and (found := _deep_message(body[key])):
                return found
    return ""


def blames_the_key(text: str) -> bool:
    """Some providers call a wrong key a wrong argument."""
    return _WRONG_KEY.search(text) is not None


def _names_of(error: BaseException) -> set[str]:
    """The names of all classes of the error and of what caused it."""
    names: set[str] = set()
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        names |= {kind.__name__ for kind in type(at).__mro__}
        at = at.__cause__ or at.__context__
    return names


def _ours_in(error: BaseException) -> AddressRefused | TooMuch | None:
    """What we raised ourselves under the library, which wraps everything."""
    at: BaseException | None = error
    for _ in range(20):
        if at is None or isinstance(at, AddressRefused | TooMuch):
            return at
        inner = getattr(at, "original_exception", None)
        at = inner if isinstance(inner, BaseException) else at.__cause__ or at.__context__
    return None


def _cause(error: BaseException) -> str:
    """The deepest reason in words, such as "Connection refused"."""
    at, deepest = error.__cause__ or error.__context__, error
    while at is not None:
        deepest, at = at, at.__cause__ or at.__context__
    text = getattr(deepest, "strerror", None) or ""
    return text if len(text) < 120 else ""


def _headers_of(error: Any) -> Mapping[str, str]:
    for holder in (getattr(error, "response", None), error):
        for name in ("headers", "litellm_response_headers"):
            headers = getattr(holder, name, None)
            if isinstance(headers, Mapping) and headers:
                return headers
    return {}
