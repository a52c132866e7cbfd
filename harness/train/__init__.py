"""Recipes -> LoRA adapters: data, masks, backends, artifacts and their preflight."""

from harness.train.pipeline import train_adapter

__all__ = ["train_adapter"]
