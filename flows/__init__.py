"""Prefect flows and the `forecast` command."""
