"""Whether an error says that a value cannot be kept or compared: too long for its column, or a
character that no database takes. What a caller sent is the caller's to mend."""

from __future__ import annotations

from tortoise.exceptions import ValidationError

# By name: the drivers of other databases are not loaded for this.
_CHARACTERS = frozenset({"CharacterNotInRepertoireError", "UntranslatableCharacterError"})
_WORDS = ("0x00", "NUL", "Incorrect string value")


def is_unfit(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, UnicodeEncodeError | ValidationError):
            return True
        if type(error).__name__ in _CHARACTERS:
            return True
        if "sql" in type(error).__module__.lower() and any(w in str(error) for w in _WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False
