"""Costs: what operators and crossings take on these devices, measured in place and kept on disk."""
