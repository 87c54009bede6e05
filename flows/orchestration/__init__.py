"""Orchestration: Prefect flows, tasks, servers and deployments."""
