"""The languages of what is written."""

from __future__ import annotations

from enum import StrEnum


class Lang(StrEnum):
    """As an option has them."""

    en = "en"
    ru = "ru"
