"""Dense tiles over rows of pixels: what convolutions, matrix products and Winograd's products come down to."""

from __future__ import annotations

from functools import cache
from typing import Any

from kernels.cpu.record import chain_at, integers, kernel, number
from kernels.cpu.tile import dense_tile

WEIGHTS = 6  # pixels that would take as long as reading the weights that all of a task's pixels share
LATE = 0.5  # of a task: what threads wait for the last one
TASK_FLOPS = 1_000_000  # one task takes about 10 us: enough to hide the hand-out, small enough to share


@cache
def dense_kernel(pixels: int, blocks: int, lanes: int) -> Any:
    """Compiled kernel of dense tiles of a size.

    Record: x, w, bias, residual, y, table, groups (addresses); then images, group count, tasks a
    group, tiles a task, rows, columns, x and y strides by image, row and pixel, y's by block,
    elements of a packed block, outputs; low, high, slope; elements of all weights of one image where each
    image has its own, else 0; y's first element; the residual's stride by image; a chain. Each row of
    `groups` is (first block, its table's place in words, entries, its weights' place).
    """

    def dense(args: Any, task: Any) -> None:
        groups, parts, tiles = args[8], args[9], args[10]
        rows, columns = args[11], args[12]
        image = task // (groups * parts)
        group = integers(args[6] + (task // parts % groups) * 32)
        first, table, entries = group[0], args[5] + group[1] * 8, group[2]
        wide = (columns + pixels - 1) // pixels
        begin = task % parts * tiles
        total = rows * wide
        end = min(begin + tiles, total)
        x = args[0] + image * args[13] * 4
        y, residual = args[4] + image * args[16] * 4, args[3] + image * args[27] * 4
        start = first * args[19] + args[26]
        chain = chain_at(args, 28)
        w = args[1] + (image * args[25] + group[3]) * 4
        # Weights come from memory, once a frame. While the tiles work on those of a group, each asks for its share
        # of the next group's, which lie behind them; otherwise the first tile of a group waits for all of them.
        steps, panel = args[20] // lanes, args[20] * blocks * 4
        ahead_step = (panel + total * steps - 1) // (total * steps)
        for tile in range(begin, end):
            row = tile // wide
            # The last tile of a row overlaps its neighbour: the same pixels twice, with the same result.
            column = min((tile - row * wide) * pixels, columns - pixels)
            out = (start + row * args[17] + column * args[18]) * 4
            dense_tile(
                x + (row * args[14] + column * args[15]) * 4, w,
                args[2] + first * lanes * 4, residual + out if args[3] != 0 else 0, y + out, table, entries, args[15],
                args[18], args[20], args[19], args[21] - first * lanes, chain, image, first, row * columns + column,
                w + panel + panel * tile // total, ahead_step,
                number(args, 22), number(args, 23), number(args, 24), pixels, blocks, lanes,
            )  # fmt: skip

    return kernel(dense)


def tile_cycles(columns: int, blocks: int, pixels: int, count: int) -> float:
    """Cycles that one step of the reduction takes over `columns` x `blocks`, in tiles of `pixels` x `count`.

    A tile of p x b takes p * b fused multiply-adds and p + b loads a step, two of either a cycle,
    and at least the four cycles that one multiply-add takes to finish.
    """
    steps = max(pixels * count, pixels + count, 8) / 2
    return -(-columns // pixels) * -(-blocks // count) * (steps + 0.1 * count)


def deal(tiles: int, pixels: int, groups: int, least: int, workers: int) -> int:
    """In how many tasks each group's `tiles` of `pixels` are cut, none of fewer than `least`: those that end soonest.

    Every task reads its group's weights into its own core's cache; of the last ones some threads wait for others.
    """

    def cost(parts: int) -> float:
        rounds = -(-groups * parts // workers) + (LATE if workers > 1 else 0)
        return rounds * (-(-tiles // parts) * pixels + WEIGHTS)

    return min(range(1, -(-tiles // min(tiles, least)) + 1), key=cost)


@cache
def choose_tile(columns: int, blocks: int, registers: int) -> tuple[int, int]:
    """(pixels, blocks) of the tile that covers `columns` x `blocks` in the fewest cycles."""
    room = registers - 2
    sizes = [
        (pixels, count)
        for count in range(1, min(8, blocks) + 1)
        for pixels in range(1, min(28, columns) + 1)
        if pixels * count + count <= room
    ]
    return min(sizes, key=lambda size: (tile_cycles(columns, blocks, *size), -size[0]))
