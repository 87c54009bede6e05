"""Flows: the pipeline, the Prefect code, the settings and the command line."""

import os

# The pipeline runs its own threads, one shard each. A second thread pool in NumPy's matrix product, which spins while
# it waits, would only take their cores. NumPy reads the variable at import, so it is set first.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
