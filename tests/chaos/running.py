"""Running: rounds one after the other, each until everything has settled, judged as they come."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from tests.chaos.judging import Violation, judge, unfinished
from tests.chaos.memberships import left_over
from tests.chaos.people import Person, card_of, cast
from tests.chaos.plan import Round
from tests.chaos.scenes import SCENES, Play
from tests.chaos.stage import Stage, Stuck
from tests.chaos.troubles import strike

_SURPRISES: Final = ("work failed unexpectedly", "a listener failed")
_PRESS_AGAIN_S: Final = 3.0
_LAST_LOOK_S: Final = 15.0


@dataclass(slots=True)
class Run:
    """A run of some rounds on one stage, and what came of it."""

    stage: Stage
    seed: int
    rounds: int = 0
    violations: list[tuple[int, Violation]] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    def play(self, drawn: Round) -> bool:
        """Play one round until it has settled; give False when an invariant did not hold."""
        people, begun = cast(self.stage), time.monotonic()
        self.stage.note(f"round {drawn.number} begins")
        threads = self._scenes(drawn, people) + self._troubles(drawn)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._settle(people)
        self.rounds += 1
        self.lengths.append(time.monotonic() - begun)
        return self._judge(drawn.number)

    def finish(self) -> bool:
        """Look until what was put back has gone too; give False when an invariant did not hold in the end."""
        for timer in self.stage.timers:
            timer.join()
        begun = time.monotonic()
        while time.monotonic() - begun < self.stage.patience + _LAST_LOOK_S:
            if self.stage.gather() and not list(left_over(self.stage.evidence.view(), datetime.now(UTC))):
                break
            time.sleep(0.5)
        return self._judge(self.rounds, final=True)

    def surprises(self) -> list[str]:
        """List the lines of the processes' logs that no named error explains."""
        found = []
        for path in sorted(self.stage.box.processes.logs.glob("*.log")):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            found += [f"{path.stem}: {line[:300]}" for line in lines if any(word in line for word in _SURPRISES)]
        return found

    def _judge(self, number: int, *, final: bool = False) -> bool:
        known = {violation for _, violation in self.violations}
        same = {(v.invariant, v.subject) for v in known}
        now = datetime.now(UTC)
        fresh = [v for v in judge(self.stage.evidence, now, final=final) if (v.invariant, v.subject) not in same]
        fresh += [Violation("INV-7", f"round {number}", sentence) for sentence in self.stuck]
        self.stuck.clear()
        self.violations += [(number, violation) for violation in fresh]
        for violation in fresh:
            self.stage.note(f"VIOLATION {violation}")
        return not fresh

    def _scenes(self, drawn: Round, people: dict[str, Person]) -> list[threading.Thread]:
        plays = [
            Play(self.stage, people, scene, f"{scene.kind}-{drawn.number}-{place}")
            for place, scene in enumerate(drawn.scenes)
        ]
        return [self._later(play.scene.at, play.name, lambda p=play: SCENES[p.scene.kind](p)) for play in plays]  # type: ignore[misc]  # bound early

    def _troubles(self, drawn: Round) -> list[threading.Thread]:
        return [
            self._later(trouble.at, f"trouble-{trouble.kind}", lambda t=trouble: strike(self.stage, t))  # type: ignore[misc]  # bound early
            for trouble in drawn.troubles
        ]

    def _later(self, at: float, name: str, do: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            time.sleep(at)
            try:
                do()
            except Stuck as error:
                self.stuck.append(f"{name}: {error}")
            except Exception as error:  # noqa: BLE001 - reported: a scene that breaks off proves nothing
                self.stuck.append(f"{name} broke off: {type(error).__name__}: {error}")

        return threading.Thread(target=run, name=name, daemon=True)

    def _settle(self, people: dict[str, Person]) -> None:
        """Wait until nothing is under way any more; whoever may decide presses again what was lost or left over."""
        pressed, begun = time.monotonic(), time.monotonic()
        while min(self.stage.calm, time.monotonic() - begun) < self.stage.patience:
            if self.stage.gather():
                left = list(unfinished(self.stage.evidence.view(), datetime.now(UTC)))
                if not left:
                    return
                if time.monotonic() - pressed > _PRESS_AGAIN_S:
                    pressed = time.monotonic()
                    self._press_again(people, [subject for subject, _ in left])
            time.sleep(0.1)
        left = list(unfinished(self.stage.evidence.view(), datetime.now(UTC)))
        self.stuck += [f"{subject}: {sentence} after {self.stage.patience:.0f} s of calm" for subject, sentence in left]

    def _press_again(self, people: dict[str, Person], subjects: list[str]) -> None:
        for subject in subjects:
            card = card_of(self.stage, subject) if subject.startswith("r_") else None
            request = self.stage.evidence.requests.get(subject)
            if card is not None and request is not None:
                decider = next(p for p in (people["priya"], people["tomas"]) if p.id != request.requester)
                threading.Thread(target=decider.press, args=(card, "Approve"), daemon=True).start()
