"""What somebody gives for an execution to be done again with, in full. Large values are shown by a
sign, and whoever copies that means the value; a program is never given the sign."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from server.bal.values import is_object
from server.core.errors import Invalid
from server.core.ids import split_id
from server.engine.blobs import Blobs
from server.engine.store import Unset
from server.executions.earlier import Earlier, read_whole
from server.executions.rerun_request import RerunRequest
from server.models.large import Large
from server.models.tables import Blob, Execution

SIGN = "$large"


async def whole_request(source: Execution, earlier: Earlier, request: RerunRequest) -> RerunRequest:
    outputs = {
        key: await _whole(source.id, value, ["outputs", key])
        for key, value in request.outputs.items()
    }
    for key in request.skip:
        row = earlier.steps.get(key)
        if row is None:
            raise Invalid(f"No step `{key}` has begun in this execution.", path=["skip"])
        outputs[key] = (await read_whole({key: row}))[key].input
    if isinstance(request.input, Unset):
        return replace(request, outputs=outputs)
    given = await _whole(source.id, request.input, ["input"])
    return replace(request, outputs=outputs, input=given)


async def _whole(execution_id: UUID, value: Any, path: list[str | int]) -> Any:
    if not is_object(value) or list(value) != [SIGN]:
        return value
    found = split_id(str(value[SIGN].get("blob"))) if is_object(value[SIGN]) else None
    blob = None
    if found is not None and found[0] == "blob":
        blob = await Blob.get_or_none(id=found[1], execution_id=execution_id)
    if blob is None:
        message = "This is the sign of a large value that this execution does not have."
        raise Invalid(message, path=path, hint="Give the value itself.")
    return await Blobs().whole(Large(blob.id, blob.size, blob.sha256, ""))
