"""The table of providers: what each is called, where its key comes from, what it may do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Provider:
    """`litellm`: its name inside the library. `keys` and `bases`: names in the environment, the
    first one that is set wins. `extras`: further arguments of the call and where they come from.
    `streams`: the library understands its streams; else whole answers are asked for.
    `address`: where it is, as the library has it. `fast`: the parity tests of the fast path pass.
    `hosts`: where its key may go when no address is given: these and what ends with them.
    `model`: what answers when a bot names no model and this is the first provider set up."""

    name: str
    label: str
    litellm: str
    keys: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    model: str | None = None
    needs_key: bool = True
    needs_base: bool = False
    free: bool = False
    address: str | None = None
    fast: bool = False
    streams: bool = True
    key_param: str = "api_key"
    extras: tuple[tuple[str, str], ...] = ()
    families: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


PROVIDERS: tuple[Provider, ...] = (
    Provider(
        "openai",
        "OpenAI",
        "openai",
        keys=("OPENAI_API_KEY",),
        bases=("OPENAI_BASE_URL", "OPENAI_API_BASE"),
        model="gpt-4o-mini",
        address="https://api.openai.com/v1",
        fast=True,
        extras=(("organization", "OPENAI_ORGANIZATION"),),
        families=("gpt-", "o1", "o3", "o4", "chatgpt"),
        hosts=("api.openai.com",),
    ),
    Provider(
        "anthropic",
        "Anthropic",
        "anthropic",
        keys=("ANTHROPIC_API_KEY",),
        bases=("ANTHROPIC_BASE_URL", "ANTHROPIC_API_BASE"),
        model="claude-haiku-4-5",
        address="https://api.anthropic.com",
        fast=True,
        families=("claude",),
        hosts=("api.anthropic.com",),
    ),
    Provider(
        "gemini",
        "Google Gemini",
        "gemini",
        keys=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        model="gemini-2.5-flash",
        address="https://generativelanguage.googleapis.com",
        fast=True,
        families=("gemini", "gemma"),
        aliases=("google",),
        hosts=("googleapis.com",),
    ),
    Provider(
        "groq",
        "Groq",
        "groq",
        keys=("GROQ_API_KEY",),
        model="openai/gpt-oss-20b",
        address="https://api.groq.com/openai/v1",
        fast=True,
        hosts=("api.groq.com",),
    ),
    Provider(
        "mistral",
        "Mistral",
        "mistral",
        keys=("MISTRAL_API_KEY",),
        model="mistral-small-latest",
        families=("mistral", "codestral", "ministral", "magistral"),
        address="https://api.mistral.ai/v1",
        fast=True,
        hosts=("api.mistral.ai",),
    ),
    Provider(
        "deepseek",
        "DeepSeek",
        "deepseek",
        keys=("DEEPSEEK_API_KEY",),
        model="deepseek-chat",
        families=("deepseek",),
        address="https://api.deepseek.com/beta",
        fast=True,
        hosts=("api.deepseek.com",),
    ),
    Provider(
        "openrouter",
        "OpenRouter",
        "openrouter",
        keys=("OPENROUTER_API_KEY",),
        model="openai/gpt-4o-mini",
        address="https://openrouter.ai/api/v1",
        fast=True,
        hosts=("openrouter.ai",),
    ),
    Provider(
        "xai",
        "xAI",
        "xai",
        keys=("XAI_API_KEY",),
        model="grok-4.3",
        families=("grok",),
        address="https://api.x.ai/v1",
        fast=True,
        hosts=("api.x.ai",),
    ),
    Provider(
        "together",
        "Together AI",
        "together_ai",
        keys=("TOGETHERAI_API_KEY",),
        aliases=("together_ai", "togetherai"),
        address="https://api.together.ai/v1",
        fast=True,
        hosts=("api.together.ai", "api.together.xyz"),
    ),
    Provider(
        "fireworks",
        "Fireworks AI",
        "fireworks_ai",
        keys=("FIREWORKS_AI_API_KEY",),
        aliases=("fireworks_ai",),
        address="https://api.fireworks.ai/inference/v1",
        fast=True,
        hosts=("api.fireworks.ai",),
    ),
    Provider(
        "cohere",
        "Cohere",
        "cohere_chat",
        keys=("COHERE_API_KEY",),
        model="command-a-03-2025",
        families=("command",),
        aliases=("cohere_chat",),
        streams=False,
        hosts=("api.cohere.com", "api.cohere.ai"),
    ),
    Provider(
        "perplexity",
        "Perplexity",
        "perplexity",
        keys=("PERPLEXITYAI_API_KEY",),
        model="sonar",
        families=("sonar",),
        address="https://api.perplexity.ai",
        fast=True,
        hosts=("api.perplexity.ai",),
    ),
    Provider(
        "cerebras",
        "Cerebras",
        "cerebras",
        keys=("CEREBRAS_API_KEY",),
        model="llama3.1-8b",
        address="https://api.cerebras.ai/v1",
        fast=True,
        hosts=("api.cerebras.ai",),
    ),
    Provider(
        "nvidia",
        "NVIDIA NIM",
        "nvidia_nim",
        keys=("NVIDIA_NIM_API_KEY",),
        aliases=("nvidia_nim",),
        address="https://integrate.api.nvidia.com/v1",
        fast=True,
        hosts=("integrate.api.nvidia.com",),
    ),
    Provider(
        "huggingface",
        "Hugging Face",
        "huggingface",
        keys=("HUGGINGFACE_API_KEY",),
        address="https://router.huggingface.co/v1",
        fast=True,
        hosts=("huggingface.co",),
    ),
    Provider(
        "azure",
        "Azure OpenAI",
        "azure",
        keys=("AZURE_API_KEY",),
        bases=("AZURE_API_BASE",),
        needs_base=True,
        fast=True,
        extras=(("api_version", "AZURE_API_VERSION"),),
    ),
    Provider(
        "bedrock",
        "Amazon Bedrock",
        "bedrock",
        keys=("AWS_ACCESS_KEY_ID",),
        key_param="aws_access_key_id",
        extras=(
            ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY"),
            ("aws_session_token", "AWS_SESSION_TOKEN"),
            ("aws_region_name", "AWS_REGION_NAME"),
        ),
        hosts=("amazonaws.com",),
    ),
    Provider(
        "ollama",
        "Ollama",
        "ollama_chat",
        bases=("OLLAMA_API_BASE", "OLLAMA_HOST"),
        needs_key=False,
        free=True,
        fast=True,
        aliases=("ollama_chat",),
    ),
)

BY_NAME: dict[str, Provider] = {
    name: provider for provider in PROVIDERS for name in (provider.name, *provider.aliases)
}

OPENAI = BY_NAME["openai"]
