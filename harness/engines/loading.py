"""A folder's model and tokenizer, with all of its weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.engines.lengths import window_problem
from harness.errors import EngineError
from harness.prompts.tokenizers import load_tokenizer
from harness.records import EngineConfig
from harness.sources.loaded import attention_of, code_problem, weights_problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from transformers.models.auto.auto_factory import _BaseAutoModelClass

# What transformers raises of files that it cannot read, those of Python for values of other forms.
_BROKEN = (OSError, ValueError, RuntimeError, ImportError, TypeError, KeyError, AttributeError)


def load_model(config: EngineConfig) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return the language model of a configuration, see `load_weights`, and its tokenizer.

    Raises:
        EngineError: They cannot be loaded, or files and configuration are not of one model.
    """
    from transformers import AutoModelForCausalLM

    try:
        tokenizer = load_tokenizer(Path(config.model_path), code=config.trust_remote_code)
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        raise _unloadable(config, error) from error
    model = load_weights(config, AutoModelForCausalLM)
    if problem := window_problem(model.config, config.max_model_len):
        raise EngineError(f"model '{config.model_path}' cannot be used: {problem}")
    return model, tokenizer


def load_weights(
    config: EngineConfig, kind: type[_BaseAutoModelClass], *, lacks: str = ""
) -> PreTrainedModel:
    """Return the model of a configuration, in evaluation mode on its device.

    Args:
        config: The configuration.
        kind: What finds the class of the model.
        lacks: Which models lack weights of such a class; empty for those of a language model.

    Raises:
        EngineError: It cannot be loaded, or files and configuration are not of one model.
    """
    import torch
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    # A GPU's convolutions would round float32 to the 10 bits of TF32.
    torch.backends.cudnn.allow_tf32 = False
    try:
        code = config.trust_remote_code
        model, told = kind.from_pretrained(
            config.model_path,
            dtype=getattr(torch, config.dtype),
            attn_implementation=attention_of(Path(config.model_path), code=code),
            output_loading_info=True,
            use_safetensors=True,
            trust_remote_code=code,
        )
        model = model.to(config.device).eval()
    except (*_BROKEN, SafetensorError, StrictDataclassError) as error:
        raise _unloadable(config, error) from error
    _return_logits(model)
    modules = {name for name, _ in model.named_modules()}
    quantized = getattr(model.config, "quantization_config", None) is not None or any(
        name.endswith(".qweight") for name in told["unexpected_keys"]
    )
    if problem := weights_problem(
        told["missing_keys"],
        told["unexpected_keys"],
        modules,
        quantized=quantized,
        **({"lacks": lacks} if lacks else {}),
    ):
        raise EngineError(f"model '{config.model_path}' cannot be used: {problem}")
    return model


def _unloadable(config: EngineConfig, error: Exception) -> EngineError:
    said = " ".join(str(error).split())
    if isinstance(error, TypeError | KeyError | AttributeError):
        said = (f"config.json or generation_config.json has a value of another form "
                f"({type(error).__name__}: {said[:200]}); take those that belong to the model"
                )  # fmt: skip
    elif isinstance(error, RuntimeError) and "ignore_mismatched_sizes" in said:
        said = ("its weights are of other shapes than config.json says; take the config.json that "
                "belongs to them")  # fmt: skip
    reason = code_problem(error) or said[:400] or type(error).__name__
    return EngineError(f"model '{config.model_path}' cannot be loaded: {reason}")


def _return_logits(model: PreTrainedModel) -> None:
    """Have a model return what it computes by name and nothing besides, whatever its files say."""
    from transformers import PreTrainedModel

    configs = [part.config for part in model.modules() if isinstance(part, PreTrainedModel)]
    for config in {id(one): one for one in configs}.values():
        config.return_dict = True
        config.output_attentions = config.output_hidden_states = False
