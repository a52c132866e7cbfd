"""One engine start: which engine, on what weights, and its stream of outputs into the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from harness import hardware
from harness.errors import EngineError, UnfitPrecision
from harness.prompts.choose_template import AdapterChat
from harness.records import (
    Adapter,
    EngineConfig,
    EngineInfo,
    Json,
    Note,
    Output,
    Request,
    Tell,
    Work,
)
from harness.run.cells import prefix_order
from harness.run.classifier_rows import Training
from harness.run.engine_config import engine_config
from harness.run.precision import Precision, Unfit, UnfitRecord, choose_precision
from harness.run.served import Served
from harness.run.serving import choose_serving
from harness.run.settings import Progress, Settings
from harness.spec.modelspec import ModelSpec
from harness.train.adapter_check import check_adapter
from harness.workers.claims import Claim
from harness.workers.fleet import Fleet
from harness.workers.keeping import Keeper
from harness.workers.places import Places
from harness.workers.replicas import Replica
from harness.workers.store import Store, fingerprint
from harness.workers.worker import Worker

_TOLD = 64
_TOLD_S = 2.0


class EngineSession:
    """The engine of one group of cells; started when it is first needed, closed at the end.

    Args:
        work: What it is asked for; for cells alone, a GPU's default is float16.
        places: The machine's GPUs; None opens the settings' own view of them.
        share: How many GPUs the group may take beside its first one, asked when its engine starts;
            None for all that are left.

    Attributes:
        asset: The weights on disk; of a classifier, its training rows.
        training: What a classifier is trained on, None for a model that is prompted.
        shared: Fingerprint of all that the group's outputs have in common.
        adapters: LoRA weights by model name, see `check_adapter`.
        adapter_chats: The chat templates that they were trained with, likewise.
    """

    def __init__(
        self,
        settings: Settings,
        cells: Sequence[Served],
        progress: Progress,
        *,
        tell: Tell,
        training: Training | None = None,
        work: Work = "",
        places: Places | None = None,
        share: Callable[[], int] | None = None,
    ) -> None:
        self._settings, self._progress, self._tell = settings, progress, tell
        # One engine serves a base model and the adapters on it, each a model of its own.
        self.models = ", ".join(dict.fromkeys(cell.model for cell in cells))
        self.stored_only = settings.stored_only
        self._spec, self._log, self._work = cells[0].spec, cells[0].model, work
        self.training = training
        progress(f"fetching {self.models}", 0, 0)
        self._serving = choose_serving(
            self._spec,
            models=self.models,
            root=settings.root,
            engine=settings.engine,
            dtype=settings.dtype,
            training=training,
        )
        self.asset = self._serving.asset
        self.adapters: dict[str, Adapter] = {}
        self.adapter_chats: dict[str, AdapterChat | None] = {}
        key = fingerprint({"weights": self.asset.digest, "engine": self._serving.version})
        self._unfit = UnfitRecord(settings.store, key)
        self._precision = self._choose_precision(labels=work == "cells")
        self._serving = replace(self._serving, dtype=self._precision.dtype)
        if self._precision.unfit:
            facts = {"engine": self.engine, "dtype": self.dtype}
            tell(Note(self._precision.unfit, self.models, facts))
        if self.asset.stand_in:
            tell(Note("stand_in", self.models, {"what": self._spec.source or ""}))
        if self._spec.trust_remote_code:
            tell(Note("remote_code", self.models, {}))
        self.shared = fingerprint(self._serving.identity())
        self._claim = Claim(settings.store, self.shared)
        self._stopped = False
        own = places or open_places(settings)
        share = share or (lambda: own.limit - own.held)
        self._fleet = Fleet(self._worker, own, share=share, lost=self._lost)
        self._start_s = self._generate_s = 0.0

    @property
    def engine(self) -> str:
        """Name of the engine."""
        return self._serving.engine

    @property
    def dtype(self) -> str:
        """Precision that the weights are run in."""
        return self._serving.dtype

    @property
    def endpoint(self) -> bool:
        """Whether the model is a server's, which takes conversations."""
        return self._spec.remote

    @property
    def options(self) -> dict[str, Json]:
        """Options of the engine."""
        return self._serving.options

    @property
    def started(self) -> bool:
        """Whether an engine was started, be it closed since."""
        return self._fleet.most > 0

    def spoken(self, served: Served, *, thinking: bool) -> tuple[ModelSpec, Path]:
        """Return by which entry of models.yaml and which folder prompts are made."""
        return self._serving.spoken(served.spec, thinking=thinking)

    def check_adapter(self, cell: Served) -> None:
        """Check the LoRA weights of a cell's model, if it has any, before the engine starts.

        Raises:
            AssetError: They are not there, or not fit to be used.
        """
        if cell.spec.adapter is None or cell.model in self.adapters:
            return
        folder = self._settings.root / cell.spec.adapter
        made_up = self._serving.stand_in_adapter(cell.spec, folder)
        if made_up is not None:
            self.adapters[cell.model], self.adapter_chats[cell.model] = made_up, None
            self._tell(Note("stand_in", cell.model, {"what": cell.spec.adapter}))
            return
        found = check_adapter(
            folder,
            name=cell.model,
            base=self.asset,
            source=self._spec.source or "",
            engine=self.engine,
            root=self._settings.root,
            tell=self._tell,
        )
        self.adapters[cell.model], self.adapter_chats[cell.model] = found.adapter, found.chat

    def _choose_precision(self, *, labels: bool) -> Precision:
        if self.training is not None or self.endpoint or self._spec.encoder:
            return Precision(self._serving.dtype)
        wanted = self._settings.dtype or self._spec.dtype
        return choose_precision(wanted, engine=self.engine, labels=labels, record=self._unfit)

    def claim(self, *, wait: bool = True) -> bool:
        """Take the right to make what the store lacks of this engine's outputs, until the end.

        Returns whether it was taken now: what the store had before may have grown since.
        """
        if self._claim.held or (not self._claim.take() and not wait):
            return False
        if not self._claim.held:
            self._progress(f"waiting for another run that asks {self.models}", 0, 0)
            self._claim.wait(lambda: self._stopped)
        return True

    def start(self, window: int, wanted: int = 0, *, wait: bool = True) -> None:
        """Start the engine without waiting for it; a no-op when it is started.

        Where many requests are to be made and GPUs are free, several engines start.

        Args:
            window: The model's window in tokens.
            wanted: How many requests are to be made, as far as is known.
            wait: Whether to wait for a GPU; without one, the engine's process imports ahead.
        """
        waiting = partial(self._progress, "waiting for another engine on this machine to end", 0, 0)
        if not self._fleet.running:
            self._fleet.start(self._config(window), wanted, waiting if wait else None)

    def _config(self, window: int) -> EngineConfig:
        adapters = list(self.adapters.values())
        path = str(self.asset.path)
        return engine_config(self._serving, self._spec, path, adapters, window=window)

    def _worker(self, config: EngineConfig, number: int) -> Worker:
        self._settings.logs.mkdir(parents=True, exist_ok=True)
        which = f"-{number + 1}" if number else ""
        return Worker(
            config,
            start_timeout_s=self._settings.start_timeout_s,
            stall_timeout_s=self._settings.stall_timeout_s,
            log=self._settings.logs / f"{self._log}-{self.engine}{which}.log",
        )

    def generate(self, missing: Sequence[Request], store: Store | None) -> Iterator[Output]:
        """Yield the outputs of requests as they come, each stored within two seconds.

        Args:
            missing: What to ask.
            store: Where the outputs go; None keeps none of them.

        Raises:
            EngineError: The engine could not start, died or hung; what it made before is stored.
            UnfitPrecision: The model does not fit the float16 that was tried, which is remembered;
                nothing of it is to be used, and a new session takes bfloat16.
        """
        if not self._fleet.running:
            raise ValueError("start the engine first")
        self._progress(f"starting {self.engine} with {self.models}", 0, 0)
        try:
            self._start_s = self._fleet.wait_ready()
        except EngineError as error:
            if self._precision.refused(str(error)):
                raise self._give_up("float16_refused") from error
            raise
        order = prefix_order([request.prompt_ids for request in missing])
        began = told = time.monotonic()
        self._progress(f"running {self.models}", 0, len(missing))
        try:
            with Keeper(store, self.shared) as keeper:
                outputs = self._fleet.generate([missing[i] for i in order])
                for done, output in enumerate(outputs, start=1):
                    if self._precision.overflowed(output):
                        raise self._give_up("float16_overflow")
                    keeper.add(output)
                    if done % _TOLD == 0 or time.monotonic() - told > _TOLD_S:
                        told = time.monotonic()
                        self._progress(f"running {self.models}", done, len(missing))
                    yield output
        finally:
            self._generate_s += time.monotonic() - began

    def _give_up(self, reason: Unfit) -> UnfitPrecision:
        self._unfit.add(reason)
        return UnfitPrecision(f"{self.models}: {reason}: set dtype: bfloat16 in models.yaml")

    def tell_stopped(self, *, stored: int, wanted: int) -> None:
        """Note how far the session came before it was interrupted."""
        self._tell(Note("stopped", self.models, {"stored": stored, "wanted": wanted}))

    def _lost(self, replica: Replica, error: EngineError) -> None:
        """Note that one engine of several failed, whose requests the others are asked."""
        facts = {"gpu": ", ".join(replica.gpus), "problem": str(error)}
        self._tell(Note("replica_lost", self.models, facts))

    def close(self) -> None:
        """End the engine's processes and free their places for the next one."""
        try:
            self._fleet.close()
        finally:
            self._claim.release()

    def stop(self) -> None:
        """Kill the engine's processes from another thread, whose `generate` then raises."""
        self._stopped = True
        self._fleet.stop()

    def info(self, computed: Sequence[Output], stored: int) -> EngineInfo:
        """Return what the engine did."""
        return EngineInfo(
            model=self.models,
            source=self._spec.source or "",
            digest=self.asset.digest,
            engine=self.engine,
            version=self._serving.version,
            dtype=self.dtype,
            device=self._serving.device,
            start_s=self._start_s,
            generate_s=self._generate_s,
            computed=len(computed),
            stored=stored,
            prompt_tokens=sum(output.prompt_tokens for output in computed),
            cached_tokens=sum(output.cached_tokens for output in computed),
            completion_tokens=sum(output.length for output in computed),
            replicas=max(1, self._fleet.most),
            work=self._work,
        )


def open_places(settings: Settings) -> Places:
    """Return where a session's engines may run."""
    return Places(settings.store.parent, hardware.gpus(), limit=settings.gpus)
