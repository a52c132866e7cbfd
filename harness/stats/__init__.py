"""Intervals, tests and corrections of the figures in a report; pure functions, no I/O."""

from harness.stats.agreement import cohens_kappa, krippendorff_alpha
from harness.stats.arrays import Bools, Floats
from harness.stats.auc import auc, auc_influence, auc_interval, two_classes
from harness.stats.bradley_terry import Comparison, bradley_terry_strengths, win_rate
from harness.stats.calibration import (
    batch_calibrate,
    calibration_influence,
    contextual_calibrate,
)
from harness.stats.clusters import (
    cluster_auc_interval,
    cluster_interval,
    cluster_proportion_interval,
)
from harness.stats.corrected_rate import GoldCounts, judged_rate
from harness.stats.hypothesis import holm, mcnemar_exact, sign_flip_test
from harness.stats.intervals import (
    bounded_mean_interval,
    clopper_pearson_interval,
    equal_values_interval,
    fixed_mean_interval,
    mean_interval,
    wilson_interval,
)
from harness.stats.paired import Difference, paired_accuracy, paired_bootstrap, paired_clusters
from harness.stats.paired_auc import paired_auc
from harness.stats.power import mde_paired, mde_proportion, n_for_difference

__all__ = [
    "Bools",
    "Comparison",
    "Difference",
    "Floats",
    "GoldCounts",
    "auc",
    "auc_influence",
    "auc_interval",
    "batch_calibrate",
    "bounded_mean_interval",
    "bradley_terry_strengths",
    "calibration_influence",
    "clopper_pearson_interval",
    "cluster_auc_interval",
    "cluster_interval",
    "cluster_proportion_interval",
    "cohens_kappa",
    "contextual_calibrate",
    "equal_values_interval",
    "fixed_mean_interval",
    "holm",
    "judged_rate",
    "krippendorff_alpha",
    "mcnemar_exact",
    "mde_paired",
    "mde_proportion",
    "mean_interval",
    "n_for_difference",
    "paired_accuracy",
    "paired_auc",
    "paired_bootstrap",
    "paired_clusters",
    "sign_flip_test",
    "two_classes",
    "wilson_interval",
    "win_rate",
]
