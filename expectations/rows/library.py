"""Import Great Expectations without scipy.stats, which saves a quarter of the time and 55 MB.

Great Expectations imports scipy.stats for one expectation that no suite here uses; it is loaded on first use. Import
this module only where rows are validated: it takes 1.7 s.
"""

import sys
from importlib.util import LazyLoader, find_spec, module_from_spec


def load_when_used(name: str) -> None:
    """Register a module for lazy loading; do nothing if it is already loaded."""
    spec = None if name in sys.modules else find_spec(name)
    if spec is None or spec.loader is None:
        return
    spec.loader = LazyLoader(spec.loader)
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    package, _, own = name.rpartition(".")
    setattr(sys.modules[package], own, module)


load_when_used("scipy.stats")

import great_expectations as gx  # noqa: E402
from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: E402
from great_expectations.exceptions.exceptions import GreatExpectationsError  # noqa: E402
from great_expectations.execution_engine import PandasExecutionEngine  # noqa: E402
from great_expectations.validator.metric_configuration import MetricConfiguration  # noqa: E402
from great_expectations.validator.metrics_calculator import MetricsCalculator  # noqa: E402

__all__ = ["GreatExpectationsError", "MetricConfiguration", "MetricsCalculator", "PandasExecutionEngine"]
__all__ += ["ProgressBarsConfig", "gx"]
