"""Starts everything with one command, on the system's Python, before anything is installed."""
