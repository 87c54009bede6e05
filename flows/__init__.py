"""When things happen: the pipeline, the only Prefect, settings and the command line."""

import os

# The pipeline runs its own threads, one shard each: a second pool inside NumPy's matrix product, which waits for work
# by spinning, would only take their cores. It is read when NumPy is imported, so it is said before anything is.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
