"""interleave: whole frames dealt to both devices in the ratio of their measured speeds."""

from __future__ import annotations

from hetero.partition.draft import Draft, draft, fallen
from hetero.partition.problem import Problem, loads
from hetero.partition.schedule import spread

LONGEST = 16  # frames in one round of the schedule; a longer round needs more slots than it gains


def solve(problem: Problem) -> Draft:
    """The round of at most `LONGEST` frames that is fastest by what each device does beside the other, the shortest.

    That one alone might be faster, as they slow each other down, is not asked: it is the plan that shows.
    """
    cpu, gpu = problem.prefer("cpu"), problem.prefer("gpu")
    on_cpu, on_gpu = loads(problem, cpu), loads(problem, gpu)

    def pace(gpu_frames: int, frames: int) -> float:
        share = gpu_frames / frames
        return max((1 - share) * on_cpu[device] + share * on_gpu[device] for device in problem.devices)

    rounds = [(frames, k) for frames in range(1, LONGEST + 1) for k in range(frames + 1)]
    frames, k = min(rounds, key=lambda each: (pace(each[1], each[0]), each[0]))
    note = fallen(problem, "gpu")
    if k in (0, frames):
        return draft(problem, gpu if k else cpu, note=note)
    return draft(problem, cpu, gpu, schedule=spread((frames - k, k)), note=note)
