"""What the eval sets of this project may name beside the built-in scorers, selectors, figures."""

from contains import Contains
from label_bias import label_bias
from shortest import shortest

from harness import Registry


def pytest_harness_register(registry: Registry) -> None:
    """Register one of each."""
    registry.scorer("contains", Contains(), asks="generate")
    registry.selector("shortest", shortest)
    registry.mean_figure(
        "label_bias", label_bias, title="bias to the first label", lowest=-1.0, highest=1.0
    )
