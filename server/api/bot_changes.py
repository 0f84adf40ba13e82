"""What can be done to a bot once it is there: its draft, its versions, its state, its tags."""

from __future__ import annotations

from uuid import UUID

import strawberry

from server.api.access import mutation
from server.api.bots import Bot
from server.api.context import Info
from server.api.errors import UserError, payload_errors, user_errors
from server.api.kinds import BotAction
from server.api.scalars import BalSource
from server.api.versions import BotVersion
from server.bots import bulk, drafts, publishing, service, tags
from server.bots.publishing import Words
from server.core.errors import AppError, NotFound
from server.core.ids import public_id, read_id

EXPECTED = "The `draftVersion` that was looked at; without it the present draft is taken."


@strawberry.input(description="Input of `saveBotDraft`.")
class SaveBotDraftInput:
    bot_id: strawberry.ID = strawberry.field(description="The bot.")
    source: BalSource = strawberry.field(description="The new text; it may have mistakes.")
    expected_version: int | None = strawberry.field(
        default=None,
        description="The `draftVersion` that the change was made on; without it the last one wins.",
    )
    stepping: bool = strawberry.field(
        default=False,
        description="The editor's own undo or redo made this text: where the journal knows it, the "
        "place in the journal moves and no entry is added.",
    )
    burst: str = strawberry.field(
        default="",
        description="An id of your choice, at most 64 characters: saves of one person under one id "
        "that follow each other within seconds are one entry of the journal.",
    )


@strawberry.input(description="Input of `undoBotDraft`.")
class UndoBotDraftInput:
    bot_id: strawberry.ID = strawberry.field(description="The bot.")
    expected_version: int = strawberry.field(description="The `draftVersion` that was looked at.")


@strawberry.input(description="Input of `redoBotDraft`.")
class RedoBotDraftInput:
    bot_id: strawberry.ID = strawberry.field(description="The bot.")
    expected_version: int = strawberry.field(description="The `draftVersion` that was looked at.")


@strawberry.input(description="Input of `publishBot`.")
class PublishBotInput:
    bot_id: strawberry.ID = strawberry.field(description="The bot.")
    version_id: strawberry.ID | None = strawberry.field(
        default=None, description="The version to make live; the draft as it is now when absent."
    )
    name: str | None = strawberry.field(
        default=None, description="A name for the version, at most 200 characters."
    )
    note: str | None = strawberry.field(
        default=None, description="What is new in it, at most 4,000 characters."
    )
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED)


@strawberry.input(description="Input of `unpublishBot`.")
class UnpublishBotInput:
    bot_id: strawberry.ID = strawberry.field(description="The bot.")


@strawberry.input(description="Input of `restoreBotVersion`.")
class RestoreBotVersionInput:
    bot_id: strawberry.ID = strawberry.field(description="The bot.")
    version_id: strawberry.ID = strawberry.field(description="The version that becomes the draft.")


@strawberry.input(description="Input of `saveBotVersion`.")
class SaveBotVersionInput:
    bot_id: strawberry.ID = strawberry.field(description="The bot.")
    name: str = strawberry.field(description="Its name, at most 200 characters.")
    note: str | None = strawberry.field(
        default=None, description="What there is to say about it, at most 4,000 characters."
    )
    expected_version: int | None = strawberry.field(default=None, description=EXPECTED)


@strawberry.input(description="Input of `annotateBotVersion`.")
class AnnotateBotVersionInput:
    version_id: strawberry.ID = strawberry.field(description="The version.")
    name: str | None = strawberry.field(
        default=None, description="Its name; empty takes it away, absent leaves it."
    )
    note: str | None = strawberry.field(
        default=None, description="The note; empty takes it away, absent leaves it."
    )


@strawberry.input(description="Input of `renameBot`.")
class RenameBotInput:
    bot_id: strawberry.ID = strawberry.field(description="The bot.")
    name: str = strawberry.field(description="1 to 200 characters, not taken by another bot.")


@strawberry.input(description="Input of `tagBot`.")
class TagBotInput:
    bot_id: strawberry.ID = strawberry.field(description="The bot.")
    tags: list[str] = strawberry.field(
        description="These and no others: at most 20, each of 1 to 50 characters."
    )


@strawberry.input(description="Input of `duplicateBot`.")
class DuplicateBotInput:
    bot_id: strawberry.ID = strawberry.field(description="The bot.")
    name: str | None = strawberry.field(
        default=None, description="The name of the new one; `… copy` when absent."
    )


@strawberry.input(description="Input of `changeBots`.")
class ChangeBotsInput:
    bot_ids: list[strawberry.ID] = strawberry.field(description="At most 100 bots.")
    action: BotAction = strawberry.field(description="What to do with each of them.")
    tags: list[str] = strawberry.field(
        default_factory=list, description="With TAG and UNTAG: which tags."
    )


@strawberry.type(description="Answer of `saveBotDraft`.")
class SaveBotDraftPayload:
    bot: Bot | None = strawberry.field(default=None, description="The bot with its new draft.")
    errors: list[UserError] = payload_errors()


@strawberry.type(description="Answer of `undoBotDraft`.")
class UndoBotDraftPayload(SaveBotDraftPayload):
    pass


@strawberry.type(description="Answer of `redoBotDraft`.")
class RedoBotDraftPayload(SaveBotDraftPayload):
    pass


@strawberry.type(description="Answer of `restoreBotVersion`.")
class RestoreBotVersionPayload(SaveBotDraftPayload):
    pass


@strawberry.type(description="Answer of `publishBot`.")
class PublishBotPayload:
    bot: Bot | None = strawberry.field(default=None, description="The bot with its live version.")
    errors: list[UserError] = payload_errors()


@strawberry.type(description="Answer of `unpublishBot`.")
class UnpublishBotPayload(PublishBotPayload):
    pass


@strawberry.type
class BotVersionPayload:
    version: BotVersion | None = strawberry.field(default=None, description="The version.")
    errors: list[UserError] = payload_errors()


@strawberry.type(description="Answer of `saveBotVersion`.")
class SaveBotVersionPayload(BotVersionPayload):
    pass


@strawberry.type(description="Answer of `annotateBotVersion`.")
class AnnotateBotVersionPayload(BotVersionPayload):
    pass


@strawberry.type
class ChangeBotPayload:
    bot: Bot | None = strawberry.field(default=None, description="The bot, or the new one.")
    errors: list[UserError] = payload_errors()


@strawberry.type(description="Answer of `renameBot`.")
class RenameBotPayload(ChangeBotPayload):
    pass


@strawberry.type(description="Answer of `tagBot`.")
class TagBotPayload(ChangeBotPayload):
    pass


@strawberry.type(description="Answer of `duplicateBot`.")
class DuplicateBotPayload(ChangeBotPayload):
    pass


@strawberry.type(description="What became of one bot.")
class BotOutcome:
    bot_id: strawberry.ID = strawberry.field(description="Which one was asked for.")
    bot: Bot | None = strawberry.field(default=None, description="The bot as it is now.")
    errors: list[UserError] = payload_errors()


@strawberry.type(description="Answer of `changeBots`.")
class ChangeBotsPayload:
    results: list[BotOutcome] = strawberry.field(
        default_factory=list, description="One for each bot, in the order of the input."
    )
    errors: list[UserError] = payload_errors()


@strawberry.type
class BotChangeMutations:
    @mutation(
        "bots:write",
        SaveBotDraftPayload,
        "Replaces the text of the draft and notes it in the journal. Errors: NOT_FOUND, CONFLICT "
        "with who saved in the meantime, TOO_LARGE.",
    )
    async def save_bot_draft(self, info: Info, input: SaveBotDraftInput) -> SaveBotDraftPayload:
        asker, bot_id = info.context.asker, read_id("bot", input.bot_id)
        expected = input.expected_version
        if expected is None:
            expected = (await service.one(asker, bot_id)).draft_version
        row = await drafts.save(
            asker, bot_id, input.source, expected, stepping=input.stepping, burst=input.burst
        )
        return SaveBotDraftPayload(bot=Bot.of(row))

    @mutation(
        "bots:write",
        UndoBotDraftPayload,
        "Takes back the latest change of the draft, whoever made it and however long ago. Errors: "
        "NOT_FOUND, CONFLICT, INVALID_STATE when there is nothing to undo.",
    )
    async def undo_bot_draft(self, info: Info, input: UndoBotDraftInput) -> UndoBotDraftPayload:
        bot_id = read_id("bot", input.bot_id)
        row = await drafts.undo(info.context.asker, bot_id, input.expected_version)
        return UndoBotDraftPayload(bot=Bot.of(row))

    @mutation(
        "bots:write",
        RedoBotDraftPayload,
        "Brings back what `undoBotDraft` took back, until something else is written. Errors: "
        "NOT_FOUND, CONFLICT, INVALID_STATE when there is nothing to redo.",
    )
    async def redo_bot_draft(self, info: Info, input: RedoBotDraftInput) -> RedoBotDraftPayload:
        bot_id = read_id("bot", input.bot_id)
        row = await drafts.redo(info.context.asker, bot_id, input.expected_version)
        return RedoBotDraftPayload(bot=Bot.of(row))

    @mutation(
        "bots:publish",
        PublishBotPayload,
        "Freezes the draft and makes it the live version, or makes an earlier version live again. "
        "Errors: NOT_FOUND, BAL_INVALID with every mistake, CONFLICT, INVALID_STATE for an "
        "archived bot, INVALID_INPUT.",
    )
    async def publish_bot(self, info: Info, input: PublishBotInput) -> PublishBotPayload:
        version_id = read_id("version", input.version_id) if input.version_id else None
        row = await publishing.publish(
            info.context.asker,
            read_id("bot", input.bot_id),
            version_id,
            Words(input.name, input.note),
            input.expected_version,
        )
        return PublishBotPayload(bot=Bot.of(row))

    @mutation(
        "bots:publish",
        UnpublishBotPayload,
        "Takes the live version back; every version stays. Errors: NOT_FOUND, INVALID_STATE when "
        "none is live.",
    )
    async def unpublish_bot(self, info: Info, input: UnpublishBotInput) -> UnpublishBotPayload:
        row = await publishing.unpublish(info.context.asker, read_id("bot", input.bot_id))
        return UnpublishBotPayload(bot=Bot.of(row))

    @mutation(
        "bots:write",
        RestoreBotVersionPayload,
        "Makes an earlier text the draft again; what is live stays, and undo brings back the "
        "draft that was there. Errors: NOT_FOUND.",
    )
    async def restore_bot_version(
        self, info: Info, input: RestoreBotVersionInput
    ) -> RestoreBotVersionPayload:
        bot_id, version_id = read_id("bot", input.bot_id), read_id("version", input.version_id)
        row = await drafts.restore(info.context.asker, bot_id, version_id)
        return RestoreBotVersionPayload(bot=Bot.of(row))

    @mutation(
        "bots:write",
        SaveBotVersionPayload,
        "Freezes the draft under a name without making it live. The same text is the same "
        "version. Errors: NOT_FOUND, BAL_INVALID with every mistake, CONFLICT, INVALID_INPUT.",
    )
    async def save_bot_version(
        self, info: Info, input: SaveBotVersionInput
    ) -> SaveBotVersionPayload:
        bot_id, words = read_id("bot", input.bot_id), Words(input.name, input.note)
        row = await publishing.name_draft(info.context.asker, bot_id, words, input.expected_version)
        return SaveBotVersionPayload(version=BotVersion.of(row))

    @mutation(
        "bots:write",
        AnnotateBotVersionPayload,
        "Gives a version a name and a note. Errors: NOT_FOUND, INVALID_INPUT.",
    )
    async def annotate_bot_version(
        self, info: Info, input: AnnotateBotVersionInput
    ) -> AnnotateBotVersionPayload:
        version_id, words = read_id("version", input.version_id), Words(input.name, input.note)
        row = await publishing.annotate(info.context.asker, version_id, words)
        return AnnotateBotVersionPayload(version=BotVersion.of(row))

    @mutation(
        "bots:write",
        RenameBotPayload,
        "Gives a bot another name; its id, its versions and executions stay. Errors: NOT_FOUND, "
        "CONFLICT for the name, INVALID_INPUT.",
    )
    async def rename_bot(self, info: Info, input: RenameBotInput) -> RenameBotPayload:
        row = await service.rename(info.context.asker, read_id("bot", input.bot_id), input.name)
        return RenameBotPayload(bot=Bot.of(row))

    @mutation(
        "bots:write",
        TagBotPayload,
        "Puts tags on a bot, in place of those that are there. Errors: NOT_FOUND, INVALID_INPUT, "
        "LIMIT_REACHED.",
    )
    async def tag_bot(self, info: Info, input: TagBotInput) -> TagBotPayload:
        row = await tags.set_tags(info.context.asker, read_id("bot", input.bot_id), input.tags)
        return TagBotPayload(bot=Bot.of(row))

    @mutation(
        "bots:write",
        DuplicateBotPayload,
        "Makes a bot with the same draft, tags, retention and limits; it is not published. Errors: "
        "NOT_FOUND, CONFLICT for the name, INVALID_INPUT.",
    )
    async def duplicate_bot(self, info: Info, input: DuplicateBotInput) -> DuplicateBotPayload:
        row = await service.duplicate(info.context.asker, read_id("bot", input.bot_id), input.name)
        return DuplicateBotPayload(bot=Bot.of(row))

    @mutation(
        "bots:write",
        ChangeBotsPayload,
        "Does one thing with many bots; each succeeds or fails for itself. PAUSE, RESUME and "
        "UNPUBLISH need scope `bots:publish` too. Errors of one bot: NOT_FOUND, INVALID_STATE, "
        "LIMIT_REACHED. Errors: INVALID_INPUT, LIMIT_REACHED.",
    )
    async def change_bots(self, info: Info, input: ChangeBotsInput) -> ChangeBotsPayload:
        ids = [_read(text) for text in input.bot_ids]
        known = [one for one in ids if one is not None]
        outcomes = await bulk.act(info.context.asker, known, input.action, input.tags)
        found = {public_id("bot", one.bot_id): one for one in outcomes}
        return ChangeBotsPayload(results=[_outcome(text, found) for text in input.bot_ids])


def _read(text: str) -> UUID | None:
    try:
        return read_id("bot", text)
    except NotFound:
        return None


def _outcome(text: strawberry.ID, found: dict[str, bulk.Outcome]) -> BotOutcome:
    one = found.get(text)
    error: AppError | None = NotFound("There is no such bot.") if one is None else one.error
    if one is None or one.bot is None:
        return BotOutcome(bot_id=text, errors=user_errors(error) if error else [])
    return BotOutcome(bot_id=text, bot=Bot.of(one.bot))
