"""Tests of the command line itself: what it says of itself, what it prints, and `watch`."""
