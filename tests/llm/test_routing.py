"""Which provider a model name goes to, and what is said when it can go nowhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.core.settings import load_settings
from server.llm.access import Access
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.routing import Route, Router

OPENAI = {"OPENAI_API_KEY": "sk-a"}
ANTHROPIC = {"ANTHROPIC_API_KEY": "sk-b"}
OWN = {"OPENAI_BASE_URL": "http://localhost:8080/v1/"}


def route(model: str | None, environ: dict[str, str]) -> Route:
    return Router(load_settings(environ)).route(model)


@pytest.mark.parametrize(
    ("model", "environ", "goes_to"),
    [
        ("openai:gpt-4o-mini", OPENAI, "openai/gpt-4o-mini"),
        ("OpenAI:gpt-4o-mini", OPENAI, "openai/gpt-4o-mini"),
        ("gpt-4o-mini", OPENAI | ANTHROPIC, "openai/gpt-4o-mini"),
        ("claude-sonnet-4-5", OPENAI | ANTHROPIC, "anthropic/claude-sonnet-4-5"),
        ("claude-next", OPENAI | ANTHROPIC, "anthropic/claude-next"),
        ("claude-sonnet-4-5", OWN, "openai/claude-sonnet-4-5"),
        ("meta-llama/Llama-3.3-70B", OWN, "openai/meta-llama/Llama-3.3-70B"),
        ("llama3.1:8b", OWN, "openai/llama3.1:8b"),
        ("openai:acme/own:7b.v2", OWN, "openai/acme/own:7b.v2"),
        ("ollama:llama3.1:8b", {}, "ollama_chat/llama3.1:8b"),
        ("openrouter:openai/gpt-4o", {"OPENROUTER_API_KEY": "k"}, "openrouter/openai/gpt-4o"),
        ("google:gemini-2.5-flash", {"GOOGLE_API_KEY": "k"}, "gemini/gemini-2.5-flash"),
        ("brand-new-model", ANTHROPIC, "anthropic/brand-new-model"),
        (None, OPENAI, "openai/gpt-4o-mini"),
        (None, OPENAI | {"BALEYBOTS_DEFAULT_MODEL": "gpt-4.1"}, "openai/gpt-4.1"),
    ],
)
def test_a_model_goes_to_its_provider(
    model: str | None, environ: dict[str, str], goes_to: str
) -> None:
    assert route(model, environ).litellm_model == goes_to


@pytest.mark.parametrize(
    ("model", "environ"),
    [
        (None, {}),
        ("", {}),
        ("demo:standard", OPENAI),
        ("demo:anything", {"BALEYBOTS_DEMO": "off"}),
        (None, OPENAI | {"BALEYBOTS_DEMO": "on"}),
    ],
)
def test_the_demo_model_answers(model: str | None, environ: dict[str, str]) -> None:
    assert route(model, environ).is_demo


@pytest.mark.parametrize(
    ("model", "environ", "kind", "says"),
    [
        ("openai:gpt-4o", {}, ModelErrorKind.PROVIDER_AUTH, "OPENAI_API_KEY"),
        ("gpt-4o", ANTHROPIC, ModelErrorKind.PROVIDER_AUTH, "OPENAI_API_KEY"),
        ("gemini:gemini-2.5-pro", OPENAI, ModelErrorKind.PROVIDER_AUTH, "GOOGLE_API_KEY"),
        ("azure:my-deployment", {"AZURE_API_KEY": "k"}, ModelErrorKind.PROVIDER_AUTH, "API_BASE"),
        ("some-model", {}, ModelErrorKind.PROVIDER_AUTH, "run in demo"),
        ("opnai:gpt-4o", {}, ModelErrorKind.MODEL_UNKNOWN, "openai:gpt-4o"),
        ("gpt4o", {}, ModelErrorKind.MODEL_UNKNOWN, "openai:gpt-4o"),
        ("claud-haiku-4-5", {}, ModelErrorKind.MODEL_UNKNOWN, "anthropic:claude-haiku-4-5"),
        ("openai/gpt-4o", {}, ModelErrorKind.MODEL_UNKNOWN, "openai:gpt-4o"),
        ("nobody:gpt-4o-mini", {}, ModelErrorKind.MODEL_UNKNOWN, "openai:gpt-4o-mini"),
        ("nobody:else", OPENAI | ANTHROPIC, ModelErrorKind.MODEL_UNKNOWN, "There are openai,"),
        ("openai:gpt-4oo", {}, ModelErrorKind.PROVIDER_AUTH, "Did you mean openai:gpt-4o"),
        ("opnai:gpt-4o", OPENAI, ModelErrorKind.MODEL_UNKNOWN, "openai:gpt-4o"),
        ("gtp-4o-mini", OPENAI | ANTHROPIC, ModelErrorKind.MODEL_UNKNOWN, "openai:gpt-4o-mini"),
        (None, OWN, ModelErrorKind.MODEL_UNKNOWN, "BALEYBOTS_DEFAULT_MODEL"),
        (None, {"BALEYBOTS_DEMO": "off"}, ModelErrorKind.MODEL_UNKNOWN, "BALEYBOTS_DEFAULT_MODEL"),
    ],
)
def test_what_can_go_nowhere_says_what_to_do(
    model: str | None, environ: dict[str, str], kind: ModelErrorKind, says: str
) -> None:
    with pytest.raises(ModelError) as caught:
        route(model, environ)
    assert caught.value.kind is kind
    assert says in str(caught.value.hint)
    assert not caught.value.retryable


def test_a_misspelt_provider_is_not_sent_to_a_connection_of_another() -> None:
    access = Access("c", "Main", "openai", api_key="k")
    with pytest.raises(ModelError, match="No provider is called") as caught:
        Router(load_settings({})).route("antropic:claude-haiku-4-5", access)
    assert "anthropic:claude-haiku-4-5" in str(caught.value.hint)
    own = replace(access, api_base="http://models.test/v1")
    assert Router(load_settings({})).route("antropic:mine", own).model == "antropic:mine"


def test_a_route_carries_key_and_address_and_shows_no_key() -> None:
    found = route("openai:m", OPENAI | OWN)
    assert (found.api_key, found.api_base) == ("sk-a", "http://localhost:8080/v1")
    assert "sk-a" not in repr(found)


def test_hugging_face_is_told_the_house_behind_the_model() -> None:
    environ = {"HUGGINGFACE_API_KEY": "k"}
    assert route("huggingface:together/deepseek-ai/R1", environ).model == "deepseek-ai/R1:together"
    assert route("huggingface:deepseek-ai/R1", environ).model == "deepseek-ai/R1"


def test_ollama_may_be_named_by_host_alone() -> None:
    assert route("ollama:m", {"OLLAMA_HOST": "gpu:11434"}).api_base == "http://gpu:11434"
