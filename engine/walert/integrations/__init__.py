"""Hooks for frameworks: one module a framework, which imports it; nothing is imported here.

Each writes into the present run, or begins one with the arguments of `walert.init()` that it was given, and ends what it began.
"""
