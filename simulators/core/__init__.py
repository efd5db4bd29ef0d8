"""Core: a small governed antibody-design run."""
