"""When things happen: the pipeline, the only Prefect, settings and the command line."""
