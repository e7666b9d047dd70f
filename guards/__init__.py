"""Switches the guards of the product off, one at a time, and expects a test to go red."""
