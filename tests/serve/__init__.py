"""Tests that start the service's own processes."""
