"""Keeps the plugin at work in a checkout that is not installed."""

pytest_plugins = ["harness.plugin", "pytester"]
