import pytest

from server.bal.cron import Cron, parse_cron
from server.bal.findings import Findings
from server.bal.parser import parse
from server.bal.properties import entity_spec
from server.bal.schedules import Schedule, parse_schedule
from server.bal.trigger_blocks import read_triggers
from server.bal.triggers import TriggerMistake, TriggerSpec, parse_trigger


def read(text: str) -> TriggerSpec:
    found = parse_trigger(text)
    assert isinstance(found, TriggerSpec), found
    return found


@pytest.mark.parametrize(
    ("written", "normalised", "words"),
    [
        ("manual", "manual", "Started by hand"),
        ("webhook", "webhook", "When the webhook is called"),
        ("webhook:new-order_2", "webhook:new-order_2", "When the webhook /new-order_2 is called"),
        ("schedule:daily@9am", "schedule:0 9 * * *", "Daily at 9am"),
        ("schedule:daily@9", "schedule:0 9 * * *", "Daily at 9am"),
        ("schedule:daily", "schedule:0 0 * * *", "Daily at 12am"),
        ("schedule:daily@12pm", "schedule:0 12 * * *", "Daily at 12pm"),
        ("schedule:Daily@9:30PM", "schedule:30 21 * * *", "Daily at 9:30pm"),
        ("schedule:hourly", "schedule:0 * * * *", "Every hour"),
        ("schedule:hourly@15", "schedule:15 * * * *", "Every hour at :15"),
        ("schedule:weekdays@21:30", "schedule:30 21 * * 1-5", "Weekdays at 9:30pm"),
        ("schedule:weekends@9am", "schedule:0 9 * * 0,6", "Weekends at 9am"),
        ("schedule:weekly@Mon@9am", "schedule:0 9 * * 1", "Weekly on Monday at 9am"),
        ("schedule:weekly@sunday@9am", "schedule:0 9 * * 0", "Weekly on Sunday at 9am"),
        ("schedule:monthly@31@6pm", "schedule:0 18 31 * *", "Monthly on day 31 at 6pm"),
        ("schedule:every 15m", "schedule:every 15m", "Every 15 minutes"),
        ("schedule:every 1d", "schedule:every 1d", "Every day"),
        ("schedule:*/5 * * * *", "schedule:*/5 * * * *", "Every 5 minutes"),
        ("schedule:0 9 * * MON-fri", "schedule:0 9 * * 1-5", "Weekdays at 9am"),
        ("schedule:0 9 * * 7", "schedule:0 9 * * 0", "Weekly on Sunday at 9am"),
        ("schedule:0 9 * jan,dec *", "schedule:0 9 * 1,12 *", "On the schedule 0 9 * 1,12 *"),
        (
            "schedule:daily@9am tz=Europe/Berlin",
            "schedule:0 9 * * * tz=Europe/Berlin",
            "Daily at 9am (Europe/Berlin)",
        ),
        ("bb_completion:writer", "bb_completion:writer:success", "When writer succeeds"),
        ("other_bb:writer:failure", "bb_completion:writer:failure", "When writer fails"),
        ("bb_completion:w:completion", "bb_completion:w:completion", "When w ends"),
        ("db_event:orders", "db_event:orders:any", "When anything changes in orders"),
        (
            "db_event:pg/orders:insert",
            "db_event:pg/orders:insert",
            "When a row is added to pg/orders",
        ),
        ("event:order.paid", "event:order.paid", "When the event order.paid happens"),
        ("event:*", "event:*", "When the event * happens"),
    ],
)
def test_trigger_has_one_normalised_form_and_words(
    written: str, normalised: str, words: str
) -> None:
    spec = read(written)

    assert (spec.text, spec.words) == (normalised, words)
    assert read(normalised).text == normalised


@pytest.mark.parametrize(
    "text",
    ["", "cron", "manual:x", "webhook:", "webhook:a/b", "schedule:", "schedule:daily@24:00",
     "schedule:weekly@9am", "schedule:monthly@32@9am", "schedule:every m", "schedule:60 * * * *",
     "schedule:* * * * 8", "schedule:*/0 * * * *", "schedule:1-b * * * *", "schedule:0 0 30 2 *",
     "schedule:daily@9am tz=Nowhere", "schedule:daily@9am tz=", "bb_completion:",
     "bb_completion:a:later", "db_event:", "db_event:a:upsert", "event:", "event:two words"],
)  # fmt: skip
def test_wrong_trigger_is_refused_with_its_place(text: str) -> None:
    found = parse_trigger(text)

    assert isinstance(found, TriggerMistake)
    assert 0 <= found.start < found.end
    assert found.start <= len(text)


def cron(text: str) -> Cron:
    found = parse_cron(text)
    assert isinstance(found, Cron), found
    return found


def test_cron_knows_which_values_fit() -> None:
    found = cron("5/20 8-10,23 1 */3 fri-mon")

    assert found.minutes == {5, 25, 45}
    assert found.hours == {8, 9, 10, 23}
    assert found.months == {1, 4, 7, 10}
    assert found.weekdays == {5, 6, 0, 1}
    assert (found.any_day, found.any_weekday) == (False, False)


def test_interval_is_given_in_seconds() -> None:
    found = parse_schedule("every 2h")

    assert isinstance(found, Schedule)
    assert (found.seconds, found.cron) == (7200, None)


OBJECTS = """a { goal: "x", trigger: [
  { type: schedule, schedule: "daily@9am", timezone: "Asia/Tokyo", enabled: false }
  { type: webhook, webhookPath: orders }
  { type: other_bb, sourceBaleybotId: "Writer", completionType: completion }
  { type: db_event, connection: pg, table: orders, operation: update, condition: "item.n > 1" }
  { type: event, event: "order.*" }
  { type: manual }
] }"""


def test_object_form_says_the_same_as_the_text_form() -> None:
    triggers = entity_spec(parse(OBJECTS).program.entities[0], None).triggers

    assert [one.text for one in triggers] == [
        "schedule:0 9 * * * tz=Asia/Tokyo",
        "webhook:orders",
        "bb_completion:Writer:completion",
        "db_event:pg/orders:update",
        "event:order.*",
        "manual",
    ]
    assert [one.enabled for one in triggers] == [False, True, True, True, True, True]
    assert triggers[3].condition == "item.n > 1"


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("{ type: schedule }", "invalid_trigger"),
        ("{ type: schedule, schedule: 5 }", "invalid_trigger"),
        ("{ type: bb_completion }", "invalid_trigger"),
        ('{ type: webhook, enabled: "no" }', "invalid_trigger"),
        ('{ type: event, event: "x", condition: "a =" }', "invalid_condition"),
        ('{ type: manual, when: "x" }', "unknown_property"),
    ],
)
def test_wrong_object_form_is_told(written: str, kind: str) -> None:
    entity = parse(f'a {{ goal: "x", trigger: {written} }}').program.entities[0]
    findings = Findings()

    read_triggers(entity.properties[1].value, findings)

    assert [one.kind for one in findings.found] == [kind]
