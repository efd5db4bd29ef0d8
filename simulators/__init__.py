"""Simulators whose artifacts Afterstate lands."""
