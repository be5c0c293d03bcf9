"""Machine: the devices there are, and which of them a request means."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from engine.devices.discover import opencl_devices, why_no_opencl

if TYPE_CHECKING:
    from engine.devices.device import Device


class DeviceError(ValueError):
    """A device that is not there, or no device's name."""


@cache
def cpu(threads: int | None = None, streams: int = 1) -> Device:
    """The CPU with so many threads, all it may use if None, divided among its streams. Sessions alike share its pools.

    Raises ValueError for less than one thread or stream, or fewer threads than streams.
    """
    from engine.devices.numba_cpu import NumbaDevice

    return NumbaDevice(threads, streams)


def devices() -> list[Device]:
    """Every device of this machine: the CPU, then OpenCL devices, real GPUs before emulated ones.

    Each has `name`, `kind` ("cpu" or "gpu"), `emulated`, `unified_memory`, `compute_units` and `driver`.
    """
    return [cpu(), *opencl_devices()]


def no_gpu_reason() -> str | None:
    """Why there is no OpenCL device, in one line; None where there is one."""
    return why_no_opencl()


HOSTS = 2  # threads beside the CPU's own: the GPU's worker, which enqueues, and Python's, which bring and take frames


def spare_threads(gpu: Device, threads: int | None) -> int:
    """CPU threads beside a GPU, at least one: the cores that an emulated GPU, or the threads of a real one, leave.

    With every core at work on the CPU's share, a GPU waits for its launches.
    """
    return threads or max(1, cpu().compute_units - (gpu.compute_units if gpu.emulated else HOSTS))


def choose(device: str, threads: int | None, streams: int = 1) -> dict[str, Device]:
    """The devices that a request means, by the keys that plans use: "cpu", and "gpu" where one is meant.

    `device` is "auto", "cpu", "gpu", "gpu:N" or "cpu+gpu"; `streams` are the CPU's. Raises DeviceError where that is
    not to be had.
    """
    if not isinstance(device, str) or not re.fullmatch(r"auto|cpu|gpu(:\d+)?|cpu\+gpu(:\d+)?", device):
        raise DeviceError(f"unknown device {device!r}; expected auto, cpu, gpu, gpu:N or cpu+gpu")
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise DeviceError(f"threads={threads!r}; expected a whole number from 1 up, or None for all cores")
    if not isinstance(streams, int) or streams < 1:
        raise DeviceError(f'streams={streams!r}; expected a whole number from 1 up, or "auto" to have it chosen')
    gpus = opencl_devices() if device != "cpu" else []
    if not gpus:
        if device not in ("auto", "cpu"):
            raise DeviceError(f"device {device!r} needs an OpenCL device, and there is none: {why_no_opencl()}")
        return {"cpu": _divided(threads or cpu().compute_units, streams)}
    wanted = int(device.partition(":")[2] or 0)
    if wanted >= len(gpus):
        shown = ", ".join(f"gpu:{i} is {gpu.name}" for i, gpu in enumerate(gpus))
        raise DeviceError(f"device {device!r} is not there: {shown}")
    gpu = gpus[wanted]
    return {"cpu": _divided(spare_threads(gpu, threads), streams), "gpu": gpu}


def apart(devices: Mapping[str, Device]) -> dict[str, list[int]]:
    """Key -> the cores that threads which serve a device stay on, where two devices share the CPU's cores.

    In a virtual machine Linux may wake a thread on a busy core while another sleeps, and what runs on it then shares it
    for many milliseconds. Empty where the GPU is a real one, or the CPU's threads leave it no core.
    """
    if len(devices) < 2 or not devices["gpu"].emulated or not hasattr(os, "sched_getaffinity"):
        return {}
    cores, threads = sorted(os.sched_getaffinity(0)), devices["cpu"].workers * devices["cpu"].streams
    return {"cpu": cores[:threads], "gpu": cores[threads:]} if threads < len(cores) else {}


def _divided(threads: int, streams: int) -> Device:
    if streams > threads:
        raise DeviceError(f"{streams} streams of CPU frames need as many threads, and there are {threads}")
    return cpu(threads, streams)
