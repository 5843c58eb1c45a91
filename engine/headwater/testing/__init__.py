"""Unit tests of features made easy: run one, or a cut of the graph; compare tables; ask what is untested."""

from headwater.testing.quality import Shortcoming, check_features
from headwater.testing.reach import Reach, features_of
from headwater.testing.running import cut, run_feature
from headwater.testing.sameness import assert_same

__all__ = [
    "Reach",
    "Shortcoming",
    "assert_same",
    "check_features",
    "cut",
    "features_of",
    "run_feature",
]
