"""How figures are told: medians and percentiles, and lines next to what they have to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.company import Path


@dataclass(frozen=True, slots=True)
class Measured:
    """What took `seconds`, and the calls that were made meanwhile."""

    seconds: float
    path: Path

    @property
    def ratio(self) -> float:
        """Give the measured time in times of the calls."""
        return self.seconds / self.path.seconds if self.path.seconds else 0.0

    @property
    def over_ms(self) -> float:
        """Give the milliseconds beside the calls."""
        return (self.seconds - self.path.seconds) * 1000


def percentile(values: Sequence[float], share: float) -> float:
    """Give the smallest value that at least `share` (0 to 1) of all are not above."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def against_calls(what: str, rounds: Sequence[Measured], target: str) -> str:
    """Tell the medians of some rounds next to the calls of each."""
    took, must = median(r.seconds for r in rounds), median(r.path.seconds for r in rounds)
    ratio, over = median(r.ratio for r in rounds), median(r.over_ms for r in rounds)
    return (
        f"  {what:<46} {took:6.2f} s   calls {must:5.2f} s   ratio {ratio:4.2f}   over {over:4.0f} ms"
        f"   of {len(rounds)}   target {target}"
    )


def percentiles(what: str, seconds: Sequence[float], target: str = "") -> str:
    """Tell the median, the 99th percentile and the worst of some times."""
    ms = [each * 1000 for each in seconds]
    told = f"p50 {percentile(ms, 0.5):6.1f} ms   p99 {percentile(ms, 0.99):6.1f} ms   worst {max(ms):6.1f} ms"
    return f"  {what:<46} {told}   of {len(ms)}" + (f"   target {target}" if target else "")


def plain(what: str, value: str, target: str = "") -> str:
    """Tell one figure."""
    return f"  {what:<46} {value}" + (f"   target {target}" if target else "")
