"""Engine: run a pipeline of stages with receipts, independent of the stages and of Prefect."""
