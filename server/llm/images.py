"""Images in what an entity is given: taken out of the value, fetched by our own rules, and sent
beside the text to models that can look at them.

An image is `{"type": "image", "url": "…"}` anywhere in the input or the context, where the url is
an address or a data URL; or a text that as a whole is a data URL of an image.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from typing import Any, cast

from server.core.errors import AppError
from server.core.net.policy import NetPolicy
from server.llm.catalogue import ModelFacts
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.messages import ChatRequest, Message
from server.llm.routing import Route

MOST_IMAGES = 20
KINDS = ("image/png", "image/jpeg", "image/gif", "image/webp")
# What the dearest of the providers counts for one, so that no budget is passed.
TOKENS_PER_IMAGE = 1_600

_NOT_FETCHED = "An image of the input could not be fetched"
_DATA = re.compile(r"data:(image/(?:png|jpeg|gif|webp));base64,([A-Za-z0-9+/=]+)")
_BEGINS = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


def taken_out(value: Any) -> tuple[Any, tuple[str, ...]]:
    """The value with “(image 1)” in the place of each image, and their addresses."""
    found: list[str] = []
    return _without(value, found), tuple(found)


def check_images(request: ChatRequest, route: Route, facts: ModelFacts | None) -> None:
    """A model of which nothing is known is asked; its provider knows."""
    count = sum(len(message.images) for message in request.messages)
    if count and facts is not None and not facts.vision:
        raise ModelError(
            ModelErrorKind.BAD_REQUEST,
            f"The input holds {_how_many(count)}, and the model “{route.model}” cannot look at "
            "images.",
            "Choose a model that can, or leave the images out of the input.",
        )
    if count > MOST_IMAGES:
        raise ModelError(
            ModelErrorKind.BAD_REQUEST,
            f"The input holds {count} images; a call takes at most {MOST_IMAGES}.",
            "Give fewer at once, for example with map.",
        )


async def loaded(request: ChatRequest, policy: NetPolicy) -> ChatRequest:
    """The images themselves in place of their addresses: no provider and no library fetches
    anything for us."""
    if not any(message.images for message in request.messages):
        return request
    # The HTTP client is loaded with the first image that has to be fetched.
    from server.core.net.client import SafeClient

    async with SafeClient(policy) as client:
        messages = [await _with_images(message, client) for message in request.messages]
    return replace(request, messages=tuple(messages))


def _without(value: Any, found: list[str]) -> Any:
    match value:
        case {"type": "image", "url": str(url)}:
            return _noted(url, found)
        case str() if value.startswith("data:image/") and _DATA.fullmatch(value):
            return _noted(value, found)
        case dict():
            items = cast("dict[str, Any]", value).items()
            return {name: _without(item, found) for name, item in items}
        case list():
            return [_without(item, found) for item in cast("list[Any]", value)]
        case _:
            return value


def _noted(url: str, found: list[str]) -> str:
    found.append(url)
    return f"(image {len(found)})"


async def _with_images(message: Message, client: Any) -> Message:
    if not message.images:
        return message
    images = [await _image(url, client) for url in message.images]
    return replace(message, images=tuple(images))


async def _image(url: str, client: Any) -> str:
    if not url.startswith("data:"):
        return await _fetched(url, client)
    match = _DATA.fullmatch(url)
    if match is None or _kind_of(_decoded(match.group(2))) is None:
        raise _unusable("An image in the input is no PNG, JPEG, GIF or WebP in base64.")
    return url


async def _fetched(url: str, client: Any) -> str:
    from server.core.net.client import Ask

    try:
        got = await client.fetch(Ask(url, headers={"accept": ", ".join(KINDS)}))
    except AppError as error:
        raise _unusable(f"{_NOT_FETCHED}: {error.message}", error.hint) from error
    if got.status != 200:
        raise _unusable(f"{_NOT_FETCHED}: the answer was {got.status}.")
    kind = _kind_of(got.body)
    if kind is None:
        raise _unusable("What an image's address gave is no PNG, JPEG, GIF or WebP.")
    return f"data:{kind};base64,{base64.b64encode(got.body).decode()}"


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


def _kind_of(data: bytes) -> str | None:
    """By what it is, not by what somebody calls it."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for begins, kind in _BEGINS if data.startswith(begins)), None)


def _unusable(message: str, hint: str | None = None) -> ModelError:
    advice = hint or "Check the image that the input names."
    return ModelError(ModelErrorKind.BAD_REQUEST, message, advice)


def _how_many(count: int) -> str:
    return "an image" if count == 1 else f"{count} images"
