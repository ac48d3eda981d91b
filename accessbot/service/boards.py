"""Boards: which copies of a message were sent, kept so that all of them change together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from accessbot.domain.errors import Conflict
from accessbot.domain.model import Board
from accessbot.ports import Change
from accessbot.service.context import new_id, save

if TYPE_CHECKING:
    from accessbot.domain.model import MessageRef
    from accessbot.service.context import Context


def board_of(ctx: Context, key: str) -> Board:
    """Read a board; an empty one that is not stored yet where there is none."""
    return ctx.store.board(key) or Board(key=key)


def keep(ctx: Context, board: Board, refs: tuple[MessageRef, ...], digest: str) -> Board:
    """Keep which copies there are now and, as `digest`, what they told; give the board as it is stored then.

    Another copy that was recorded meanwhile is kept beside them.
    """
    while (refs, digest) != (board.refs, board.digest):
        new = replace(board, refs=refs, digest=digest)
        try:
            save(ctx, Change(op=new_id("board"), puts=(new,)), ctx.store.now())
        except Conflict:
            board = board_of(ctx, board.key)
            refs = tuple(dict.fromkeys((*board.refs, *refs)))
            continue
        return replace(new, rev=board.rev + 1)
    return board
