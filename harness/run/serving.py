"""Which engine serves a model, on which weights and how precisely: known before one starts."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from harness import hardware
from harness.engines import engine_installed, engine_uses, engine_version
from harness.errors import AssetError, EngineError
from harness.records import Adapter, Json
from harness.run.classifier_rows import Training
from harness.run.settings import Settings
from harness.sources.assets import ModelAsset, model_asset, model_at_hand
from harness.sources.loaded import positions_vary
from harness.sources.stand_in import stand_in_model
from harness.spec.endpointspec import PREFIX, EndpointSpec
from harness.spec.modelspec import ModelSpec
from harness.workers.store import fingerprint

FAKE = "fake"
# The precision of a server's weights is its own affair.
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Serving:
    """How a model is served.

    Attributes:
        asset: Its weights on disk; of a classifier, its training rows; of a model at an endpoint,
            its name there.
        version: Of the engine and what its outputs depend on.
        options: The engine's.
    """

    spec: ModelSpec
    engine: str
    device: str
    dtype: str
    version: str
    asset: ModelAsset
    options: dict[str, Json]

    def identity(self) -> dict[str, Json]:
        """Return all that the outputs of this engine have in common."""
        if self.engine == "openai":
            # Before, of tokens that are spelled alike one took the place of the others.
            return {"endpoint": self.asset.digest, "alternatives": "summed"}
        return {
            "weights": self.asset.digest,
            "engine": self.engine,
            "version": self.version,
            "device": self.device,
            "dtype": self.dtype,
            **({} if self.dtype == "float32" else {"logits": "float32"}),
            **({"code": "its own"} if self.spec.trust_remote_code else {}),
            **({"schemas": "spelled"} if self.engine == "vllm" else {}),
            # Before, what lacked was drawn at random, and some kinds of models forgot or shifted.
            **({"model": "tried"} if self.engine == "transformers" else {}),
            # vLLM goes by the window, and transformers' answers hung on what else was asked.
            **({"positions": self.spec.max_model_len} if positions_vary(self.asset.path) else {}),
            "seed": self.spec.seed,
            "options": self.options,
        }

    def spoken(self, spec: ModelSpec, *, thinking: bool) -> tuple[ModelSpec, Path]:
        """Return by which entry and folder a served model's prompts are made.

        A stand-in has no window of the model, nor what its own template reads.

        Args:
            spec: The model's entry.
            thinking: Whether it is said that it thinks, or does not.
        """
        if not self.asset.stand_in:
            return spec, self.asset.path
        changes: dict[str, Json] = {"max_model_len": None}
        if spec.chat_template in (None, "own"):
            changes["template"] = {}
        folder = stand_in_model(spec, thinks=thinking).path
        return spec.model_copy(update=changes), folder

    def stand_in_adapter(self, spec: ModelSpec, folder: Path) -> Adapter | None:
        """Return what stands in for an adapter that made-up answers do not need, or None.

        Without its base model, or before it is trained, nothing of it can be checked.
        """
        if self.engine != FAKE or (folder.is_dir() and not self.asset.stand_in):
            return None
        return Adapter(str(folder), fingerprint({"stand-in": spec.adapter}), rank=1)


def at_hand(spec: ModelSpec, settings: Settings) -> bool:
    """Return whether nothing has to be fetched or built to know what a model was asked."""
    if spec.remote or spec.trained or settings.engine == FAKE or spec.engine == FAKE:
        return True
    try:
        return model_at_hand(spec, base=settings.root) is not None
    except AssetError:
        return False


def choose_serving(
    spec: ModelSpec,
    *,
    models: str,
    root: Path,
    engine: str | None,
    dtype: str | None,
    training: Training | None,
) -> Serving:
    """Return how a model is served, its weights fetched if they are needed.

    Args:
        spec: Its entry in models.yaml.
        models: It and the adapters on it, by name, for errors.
        root: The project.
        engine: Instead of what models.yaml says; not for what has an engine of its own.
        dtype: Likewise.
        training: What a classifier is trained on, None for a model that is prompted.

    Raises:
        AssetError: No weights, where the engine needs them.
        EngineError: The engine is not installed.
    """
    device = "cpu" if training else "remote" if spec.remote else hardware.device()
    chosen = _engine(spec, device, models, engine, trained=training is not None)
    if training is not None:
        precision = "float64" if chosen == "tfidf" else "float32"
    elif spec.encoder:
        precision = "float32" if spec.dtype == "auto" else spec.dtype
    elif spec.remote:
        precision = _UNKNOWN
    else:
        wanted = dtype or spec.dtype
        precision = hardware.best_dtype() if wanted == "auto" else wanted
    options = spec.options_for(chosen)
    known = engine_version(chosen)
    if training is None and not spec.remote:
        known += f", torch {version('torch')}"
    asset = _asset(spec, chosen, options, root, training)
    return Serving(spec, chosen, device, precision, known, asset, options)


def _engine(spec: ModelSpec, device: str, models: str, given: str | None, *, trained: bool) -> str:
    # What runs on a server of its own, classifies or is trained, runs nowhere else; made up can be
    # all but the last.
    if ((spec.remote or spec.encoder) and given != FAKE) or trained:
        given = None
    wanted = given or spec.engine
    if wanted == "auto":
        gpu = device == "cuda" and engine_uses("vllm", "cuda")
        return "vllm" if gpu else "transformers"
    if not engine_installed(wanted):
        raise EngineError(
            f"{models}: engine {wanted} is not installed; install the extra that brings "
            "it (see README), or choose another (models.yaml, or --eval-engine)"
        )
    return wanted


def _asset(
    spec: ModelSpec,
    engine: str,
    options: dict[str, Json],
    root: Path,
    training: Training | None,
) -> ModelAsset:
    if training is not None:
        digest = training.digest
        return ModelAsset(training.path, digest[:12], digest, gguf=False)
    if spec.remote:
        source = spec.source or ""
        endpoint = EndpointSpec.model_validate(spec.options_for("openai"))
        digest = fingerprint(endpoint.identity(source))
        return ModelAsset(Path(source.removeprefix(PREFIX)), digest[:12], digest, gguf=False)
    if engine == FAKE:
        return model_at_hand(spec, base=root) or stand_in_model(spec)
    weightless = options.get("load_format") == "dummy"
    return model_asset(spec, base=root, weightless=weightless)
