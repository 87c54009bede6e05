"""Engine: runs a pipeline of stages with receipts; knows no stage and no Prefect."""
