from __future__ import annotations

import numpy as np
import pytest

from harness.engines.classifiers import rnn
from harness.engines.classifiers.rows import training_set
from harness.spec.classifierspec import RnnSpec

torch = pytest.importorskip("torch", reason="the network is torch's")


def network(spec: RnnSpec):
    training = training_set([(2, 3)], [0], words=50, classes=2)
    torch.manual_seed(0)
    model = rnn._network(spec, training).eval()
    # As small as they begin, the embeddings would hide a mistake.
    torch.nn.init.normal_(model["embedding"].weight)
    return model


def test_padded_texts_give_what_packed_sequences_give():
    from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

    spec = RnnSpec(hidden=5, embedding=6)
    model = network(spec)
    rows = [torch.randint(2, 50, (length,)) for length in (7, 1, 12, 3)]
    both = torch.nn.LSTM(6, 5, batch_first=True, bidirectional=True)
    state = {name: value for name, value in model["onward"].state_dict().items()}
    state |= {f"{name}_reverse": value for name, value in model["turned"].state_dict().items()}
    both.load_state_dict(state)
    with torch.inference_mode():
        packed = pack_sequence([model["embedding"](row) for row in rows], enforce_sorted=False)
        states, lengths = pad_packed_sequence(both(packed)[0], batch_first=True)
        texts = [states[i, :length] for i, length in enumerate(lengths)]
        onward = [torch.cat([t[:, :5].amax(0), t[:, :5].mean(0)]) for t in texts]
        turned = [torch.cat([t[:, 5:].amax(0), t[:, 5:].mean(0)]) for t in texts]
        pooled = torch.cat([torch.stack(onward), torch.stack(turned)], 1)
        assert torch.allclose(rnn._scores(model, rows), model["head"](pooled), atol=1e-5)


def test_the_order_of_words_counts():
    model = network(RnnSpec(hidden=5, embedding=6))
    row = torch.arange(2, 12)
    with torch.inference_mode():
        one, other = rnn._scores(model, [row, row.flip(0)])
    assert not torch.allclose(one, other, atol=1e-3)


@pytest.mark.parametrize("rows", [1, 7, 64, 1000])
def test_an_epoch_takes_every_row_once(rows):
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 100, rows)
    batches = list(rnn._batches(lengths, 8, rng))
    assert sorted(np.concatenate(batches)) == list(range(rows))
    assert max(map(len, batches)) <= 8


def test_rows_of_like_length_stand_together():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 100, 1000)
    batches = list(rnn._batches(lengths, 8, rng))
    padding = sum(int(lengths[b].max() * len(b) - lengths[b].sum()) for b in batches)
    assert padding <= 0.2 * lengths.sum()


def test_another_epoch_has_another_order():
    rng, lengths = np.random.default_rng(0), np.full(100, 5)
    first, second = (np.concatenate(list(rnn._batches(lengths, 8, rng))) for _ in range(2))
    assert first.tolist() != second.tolist()


def test_training_leaves_the_random_state_alone():
    training = training_set([(2, 3), (4, 5)], [0, 1], words=6, classes=2)
    spec = RnnSpec(hidden=2, embedding=2, epochs=1)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one = rnn._train(training, spec, 0)
    assert torch.equal(torch.rand(1), expected)
    other = rnn._train(training, spec, 1)
    assert not np.array_equal(one["head.weight"], other["head.weight"])
