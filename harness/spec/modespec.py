"""The modes of an eval set: zero-shot, or few-shot in all combinations of what its lists name."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from harness.records import SHOT_SELECTORS, Json, Placement, ShotOrder
from harness.registry import current
from harness.spec.base import OneOf, Strict, as_list, complain
from harness.spec.thinkingspec import ThinkingAxis

Count = Annotated[int, Field(ge=1)]
Counts = Annotated[
    list[Count], BeforeValidator(as_list, json_schema_input_type=Count | list[Count])
]
Placements = Annotated[
    list[Placement], BeforeValidator(as_list, json_schema_input_type=Placement | list[Placement])
]
Selector = Annotated[str, OneOf(lambda: (*SHOT_SELECTORS, *current().selectors))]
Selectors = Annotated[
    list[Selector], BeforeValidator(as_list, json_schema_input_type=Selector | list[Selector])
]
Orders = Annotated[
    list[ShotOrder], BeforeValidator(as_list, json_schema_input_type=ShotOrder | list[ShotOrder])
]
# The order of a selector's shots where an eval set does not say it; else `shuffled`.
_OWN_ORDERS: dict[str, ShotOrder] = {"first": "pool", "nearest": "nearest_last"}
# The only selector that an order goes with. Nothing is drawn in such an order.
_BOUND_ORDERS: dict[ShotOrder, str] = {"pool": "first", "nearest_last": "nearest"}


class ModeSpec(Strict):
    """Zero-shot, or few-shot with every combination of what the lists name.

    Attributes:
        order: Empty takes each selector's own.
        thinking: Whether the models think before they answer; empty takes each model's own.
    """

    mode: Literal["zeroshot", "fewshot"]
    k: Counts = Field(default=[])
    placement: Placements = Field(default=["chat"])
    selector: Selectors = Field(default=["balanced"])
    order: Orders = Field(default=[])
    seeds: list[Annotated[int, Field(ge=0)]] = Field(default=[0])
    thinking: ThinkingAxis = Field(default=[])

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Json) -> Json:
        return {"mode": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.mode == "fewshot" and "k" not in self.model_fields_set:
            raise complain("few-shot needs 'k', the number of shots")
        if self.mode == "zeroshot" and self.model_fields_set - {"mode", "thinking"}:
            extra = sorted(self.model_fields_set - {"mode", "thinking"})
            raise complain(f"zero-shot takes no {', '.join(extra)}; remove it")
        for key in ("k", "placement", "selector", "order", "seeds", "thinking"):
            if key not in self.model_fields_set:
                continue
            if not getattr(self, key) or len(set(getattr(self, key))) < len(getattr(self, key)):
                raise complain(f"'{key}' is empty or names one value twice")
        self._check_ways()
        return self

    def _check_ways(self) -> None:
        ways = self.ways()
        for order in self.order:
            if order not in {fitting for _, fitting in ways}:
                raise complain(f"order {order} goes with selector {_BOUND_ORDERS[order]} only; add "
                               "that selector, or take another order")  # fmt: skip
        for selector in self.selector:
            if selector not in {fitting for fitting, _ in ways}:
                raise complain(f"selector {selector} has no order here; add shuffled or "
                               "alternating to 'order'")  # fmt: skip
        if len(self.seeds) > 1 and not any(self.draws(order) for _, order in ways):
            selector, order = ways[0]
            raise complain(f"selector {selector} in order {order} draws nothing, so several seeds "
                           "would make equal cells; give one")  # fmt: skip

    def ways(self) -> list[tuple[str, ShotOrder]]:
        """Return the selectors with the orders that go with them."""
        return [
            (selector, order)
            for selector in self.selector
            for order in self.order or [_OWN_ORDERS.get(selector, "shuffled")]
            if _BOUND_ORDERS.get(order, selector) == selector
        ]

    @staticmethod
    def draws(order: ShotOrder) -> bool:
        """Return whether a seed makes a difference."""
        return order not in _BOUND_ORDERS
