"""The door to litellm, which costs 4 s and 170 MB to import: opened when a call first needs it, in
a thread, and never at the top of a module.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from server.connections.providers import OPENAI
from server.core.net.policy import NetPolicy
from server.llm.catalogue import catalogue
from server.llm.collector import Collector, TooMuch, read_usage
from server.llm.errors import ModelError
from server.llm.failures import broken_off, from_exception
from server.llm.patience import Patience
from server.llm.wire import Call

# The library gets no time limit of its own to act on: Patience decides.
_NO_LIMIT = 86_400.0
_TOOLS = ("tools", "tool_choice")


@functools.cache
def load() -> Any:
    """The library with our settings: no network at import, no `.env`, no downloads, no prints."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "True")
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
    # A hundred equal pieces in a row are no error: tables and long lists have them.
    os.environ.setdefault("REPEATED_STREAMING_CHUNK_LIMIT", "1000000000")
    with _built_when_used(), _set_aside():
        import litellm

    # What it says of its own models, once for each process, with a part of an answer in it.
    warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)
    litellm.disable_hf_tokenizer_download = True
    litellm.suppress_debug_info = True
    litellm.drop_params = True
    from server.llm import outgoing

    outgoing.install(litellm)
    return litellm


@contextmanager
def _built_when_used() -> Iterator[None]:
    """The library declares some thousand pydantic models, of which a call needs a few: built at
    their first use they take 20 MiB less."""
    from pydantic import BaseModel

    BaseModel.model_config["defer_build"] = True
    try:
        yield
    finally:
        del BaseModel.model_config["defer_build"]


@contextmanager
def _set_aside() -> Iterator[None]:
    """What is loaded stays: three hundred thousand objects, which are not gone through in search of
    garbage, neither while they are made, which would stop the loop for half a second several
    times, nor ever after."""
    looking = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if looking:
            gc.enable()


@functools.cache
def warm() -> None:
    """What the first `acompletion` would load by itself, holding the loop for most of a second."""
    import openai.resources  # pyright: ignore[reportUnusedImport]  # noqa: F401

    load().token_counter(model="gpt-4o-mini", text="warm")


async def warmed() -> None:
    if not warm.cache_info().currsize:
        await asyncio.to_thread(warm)


async def close() -> None:
    """Ends the connections that the library keeps open, if it was ever loaded."""
    if not load.cache_info().currsize:
        return
    litellm = load()
    await litellm.close_litellm_async_clients()
    # It keeps the closed clients, by address and one for all, and would use them again.
    litellm.in_memory_llm_clients_cache.flush_cache()
    vars(litellm).pop("module_level_aclient", None)


async def complete(
    litellm: Any, policy: NetPolicy, call: Call, collector: Collector, patience: Patience
) -> None:
    """One attempt through `acompletion`: any provider, the slow way."""
    from server.llm.outgoing import leaving

    try:
        with leaving(call.route, policy):
            if call.stream:
                await _stream(litellm, call, collector, patience)
            else:
                collector.add_response(await litellm.acompletion(**_arguments(call)))
    except (TimeoutError, ModelError, TooMuch):
        raise
    except Exception as error:
        raise from_exception(error, call.route, collector.text) from error


async def _stream(litellm: Any, call: Call, collector: Collector, patience: Patience) -> None:
    stream = await litellm.acompletion(**_arguments(call))
    try:
        async for chunk in stream:
            patience.heard()
            collector.add_chunk(chunk)
    finally:
        await stream.aclose()
    # A stream that just ends gets the finish reason "stop" from the library; this is what came.
    if stream.received_finish_reason is None and stream.intermittent_finish_reason is None:
        raise broken_off(call.route, collector.text)
    # Where the provider counted nothing the library counts by itself, and does not say so.
    counts = (getattr(chunk, "usage", None) for chunk in stream.chunks)
    if not any(read_usage(usage) for usage in counts if usage):
        collector.usage = None


def _arguments(call: Call) -> dict[str, Any]:
    route = call.route
    assert route.provider is not None
    # An OpenAI-compatible endpoint without a key: the library still wants to see one. Without an
    # address it would take that of the environment.
    key = route.api_key or ("none" if route.provider is OPENAI else None)
    given = {
        "model": route.litellm_model,
        "messages": call.messages,
        route.provider.key_param: key,
        "base_url": route.api_base or (OPENAI.address if route.provider is OPENAI else None),
        **route.extra,
        **call.params,
        **_let_through(call),
    }
    kept = {name: value for name, value in given.items() if value is not None}
    return {**kept, "max_retries": 0, "num_retries": 0, "timeout": _NO_LIMIT, "drop_params": True}


def _let_through(call: Call) -> dict[str, Any]:
    """What a model takes over OpenAI's other API is more than the library lets Perplexity's have,
    which it takes for those of its first API: it would leave the tools out and say nothing."""
    route = call.route
    facts = catalogue().find(route.provider, route.model) if route.provider else None
    if facts is None or facts.mode != "responses" or not facts.tools:
        return {}
    return {"allowed_openai_params": [name for name in _TOOLS if name in call.params]}
