"""Elementwise operators: functions of one value, and of several."""

from kernels.opencl.binary import lower as lower_binary
from kernels.opencl.unary import lower as lower_unary

__all__ = ["lower_binary", "lower_unary"]
