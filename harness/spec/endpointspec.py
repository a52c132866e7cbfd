"""Options of engine `openai`: an endpoint that speaks the OpenAI API."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, JsonValue, field_validator

from harness.records import Json
from harness.spec.base import Strict, Word, as_list, complain

PREFIX = "openai:"
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")
_Positive = Annotated[float, Field(gt=0)]
# What servers of open weights pass on to the chat template, which knows one name or the other.
_SWITCH: dict[bool, dict[str, JsonValue]] = {
    on: {"chat_template_kwargs": {"enable_thinking": on, "thinking": on}} for on in (True, False)
}


_Addresses = Annotated[
    list[Word], BeforeValidator(as_list, json_schema_input_type=Word | list[Word])
]


class PriceSpec(Strict):
    """Dollars a million tokens of prompts and of completions."""

    prompt: Annotated[float, Field(ge=0)]
    completion: Annotated[float, Field(ge=0)]


class EndpointSpec(Strict):
    """Where an endpoint is and how it may be asked.

    Attributes:
        base_url: Up to `/chat/completions`, such as `http://127.0.0.1:8000/v1`; several addresses
            are of servers of one model, which share its requests.
        api_key_env: Name, in capitals, of the environment variable that holds the key; None where
            none is needed.
        concurrency: Requests under way at once at each address.
        requests_per_minute: At most so many are sent to each, evenly spaced; None for no limit.
        deadline_s: Seconds that a request may take, its retries included.
        price: What tokens cost; None if nobody asks.
        chat_template_kwargs: Variables of the server's chat template, sent with every request under
            this name, which vLLM, SGLang and llama.cpp take.
        thinking_on: What a request's body has more to make the model think.
        thinking_off: Likewise to make it answer at once.
    """

    base_url: _Addresses
    api_key_env: Word | None = "OPENAI_API_KEY"
    concurrency: Annotated[int, Field(ge=1)] = 8
    requests_per_minute: _Positive | None = None
    deadline_s: _Positive = 300.0
    price: PriceSpec | None = None
    chat_template_kwargs: dict[str, JsonValue] = Field(default={})
    thinking_on: dict[str, JsonValue] = Field(default=_SWITCH[True])
    thinking_off: dict[str, JsonValue] = Field(default=_SWITCH[False])

    @field_validator("base_url")
    @classmethod
    def _urls(cls, urls: list[str]) -> list[str]:
        if not urls:
            raise complain("is empty; write an address, or several of servers of one model")
        for url in urls:
            # Before it could be repeated.
            if set("@?#") & set(url):
                raise complain("an address has no key in it; name its variable in 'api_key_env'")
            if not url.startswith(("http://", "https://")):
                raise complain(f"'{url}' is not an address; begin it with http:// or https://")
        bare = [url.rstrip("/") for url in urls]
        if len(set(bare)) < len(bare):
            raise complain("names one address twice; remove one")
        return bare

    @field_validator("api_key_env")
    @classmethod
    def _variable(cls, name: str | None) -> str | None:
        # Keys have small letters or signs; what looks like one is not repeated.
        if name is not None and not _VARIABLE.fullmatch(name):
            raise complain("is not the name of an environment variable in capitals, such as "
                           "OPENAI_API_KEY; put the key into one, and name that here")  # fmt: skip
        return name

    @property
    def url(self) -> str:
        """The first address, by which outputs are known again however many others there are."""
        return self.base_url[0]

    def identity(self, source: str) -> dict[str, Json]:
        """Return what tells the outputs of a model at this endpoint from all others."""
        variables: dict[str, Json] = dict(self.chat_template_kwargs)
        found: dict[str, Json] = {
            "engine": "openai",
            "base_url": self.url,
            "model": source.removeprefix(PREFIX),
            **({"chat_template_kwargs": variables} if variables else {}),
        }
        for key, usual in (("thinking_on", _SWITCH[True]), ("thinking_off", _SWITCH[False])):
            if getattr(self, key) != usual:
                found[key] = getattr(self, key)
        return found

    def extra_body(self, thinking: str) -> dict[str, JsonValue]:
        """Return what a request's body has beside what the API knows.

        Args:
            thinking: `on`, `off`, or "" where nothing is said of it.
        """
        added = {"on": self.thinking_on, "off": self.thinking_off}.get(thinking, {})
        switch = added.get("chat_template_kwargs", {})
        variables = {**self.chat_template_kwargs, **(switch if isinstance(switch, dict) else {})}
        return {**added, **({"chat_template_kwargs": variables} if variables else {})}

    def cost(self, *, prompt_tokens: int, completion_tokens: int) -> float | None:
        """Return dollars for so many tokens, reused ones at the full price; None if not known."""
        if self.price is None:
            return None
        dollars = self.price.prompt * prompt_tokens + self.price.completion * completion_tokens
        return dollars / 1e6
