"""Which block and page an operation works on: erase before program, pages in their order, bad blocks never.

A block is used (it has to be erased first), being erased, erased, or open for one cell type; its pages are programmed
from 0 up, each once, and can be read when their program is over. Every take is kept in a journal until it is committed,
so that it can be rolled back.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

from simulators.nand.configuration import Configuration
from simulators.nand.operations import Address, Operation, OpName

NO_ERASED_BLOCK = "sample_none reason=no_erased_block"
NO_BLOCK = "sample_none reason=no_block_to_erase"
NOTHING_TO_READ = "sample_none reason=no_programmed_page"
NOTHING_READ = "sample_none reason=empty_page_register"

Page = tuple[int, int]


class _PlaneBlocks:
    """The blocks of one plane."""

    __slots__ = ("celltypes", "erased", "open", "readable", "readable_pages", "register", "used")

    def __init__(self, good: list[int], erased: int) -> None:
        self.used: deque[int] = deque(good[erased:])
        self.erased: deque[int] = deque(good[:erased])
        self.open: dict[str, Page | None] = {}  # cell type -> block, next page
        self.celltypes: dict[int, str] = {}  # of programmed blocks
        self.readable: dict[str, list[int]] = {}  # cell type -> blocks with pages to read
        self.readable_pages: dict[int, int] = {}  # block -> how many, from page 0
        self.register: Page | None = None  # the page that was read, and can be put out


class AddressManager:
    """Chooses addresses plane by plane. Addresses are reserved at once, and released by `roll_back`."""

    def __init__(self, configuration: Configuration, rng: random.Random) -> None:
        topology = configuration.topology
        self._rng = rng
        self._pages = topology.pages_per_block
        self._journal: list[Callable[[], object]] = []
        self._planes = [
            [
                _PlaneBlocks(
                    [block for block in range(topology.blocks) if (die, plane, block) not in topology.bad_blocks],
                    configuration.policies.initially_erased_blocks,
                )
                for plane in range(topology.planes)
            ]
            for die in range(topology.dies)
        ]

    def take(self, op: OpName, die: int, planes: tuple[int, ...]) -> tuple[Address, ...] | str:
        """Reserve an address on each plane; return them, or why there is none. What was taken is in the journal."""
        access = op.base.access
        if access == "none":
            return tuple((plane, None, None) for plane in planes)
        taken: list[Address] = []
        for plane in planes:
            blocks = self._planes[die][plane]
            if access == "erase":
                found: tuple[int, int | None] | str = self._erase(blocks)
            elif access == "program":
                found = self._program(blocks, op.celltype)
            elif access == "read":
                found = self._read(blocks, op.celltype)
            else:
                found = self._put_out(blocks)
            if isinstance(found, str):
                return found
            taken.append((plane, *found))
        return tuple(taken)

    def commit(self) -> None:
        """Keep what was taken."""
        self._journal.clear()

    def roll_back(self) -> None:
        """Release what was taken since the last commit, in reverse order."""
        while self._journal:
            self._journal.pop()()

    def finish(self, operation: Operation) -> None:
        """Note that an operation is over: its block can be programmed, or erased when full, or its page read."""
        access = operation.op.base.access
        if access not in ("erase", "program"):
            return
        for plane, block, page in operation.addresses:
            blocks = self._planes[operation.die][plane]
            if block is None or page is None:
                raise AssertionError("an operation that erases or programs has a block and a page")
            if access == "erase":
                blocks.erased.append(block)
                continue
            if page == 0:
                blocks.celltypes[block] = operation.op.celltype
                blocks.readable.setdefault(operation.op.celltype, []).append(block)
            blocks.readable_pages[block] = page + 1
            if page + 1 == self._pages:
                blocks.used.append(block)

    def _erase(self, blocks: _PlaneBlocks) -> Page | str:
        """Reserve the block that was full first; when all are erased, the one that was erased first."""
        queue = blocks.used or blocks.erased
        if not queue:
            return NO_BLOCK
        block = queue.popleft()
        self._journal.append(lambda: queue.appendleft(block))
        self._set_register(blocks, None)
        self._forget_readable(blocks, block)
        return block, 0

    def _forget_readable(self, blocks: _PlaneBlocks, block: int) -> None:
        pages = blocks.readable_pages.pop(block, None)
        if pages is None:
            return
        celltype = blocks.celltypes.pop(block)
        listed = blocks.readable[celltype]
        at = listed.index(block)
        del listed[at]

        def undo() -> None:
            listed.insert(at, block)
            blocks.readable_pages[block], blocks.celltypes[block] = pages, celltype

        self._journal.append(undo)

    def _program(self, blocks: _PlaneBlocks, celltype: str) -> Page | str:
        """Reserve the next page of the open block; open an erased one where there is none."""
        before = blocks.open.get(celltype)
        if before is None:
            if not blocks.erased:
                return NO_ERASED_BLOCK
            block, page = blocks.erased.popleft(), 0
            self._journal.append(lambda: blocks.erased.appendleft(block))
        else:
            block, page = before

        def undo() -> None:
            blocks.open[celltype] = before

        self._journal.append(undo)
        blocks.open[celltype] = (block, page + 1) if page + 1 < self._pages else None
        self._set_register(blocks, None)
        return block, page

    def _read(self, blocks: _PlaneBlocks, celltype: str) -> Page | str:
        """Pick any page that can be read, all blocks alike."""
        listed = blocks.readable.get(celltype)
        if not listed:
            return NOTHING_TO_READ
        block = listed[int(self._rng.random() * len(listed))]
        page = int(self._rng.random() * blocks.readable_pages[block])
        self._set_register(blocks, (block, page))
        return block, page

    def _put_out(self, blocks: _PlaneBlocks) -> Page | str:
        """Pick the page in the plane's page register, once."""
        page = blocks.register
        if page is None:
            return NOTHING_READ
        self._set_register(blocks, None)
        return page

    def _set_register(self, blocks: _PlaneBlocks, page: Page | None) -> None:
        before = blocks.register

        def undo() -> None:
            blocks.register = before

        self._journal.append(undo)
        blocks.register = page
