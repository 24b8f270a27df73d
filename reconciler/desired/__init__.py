"""Spec -> resources, each with the place that declares it."""
