"""What a run of `rtpipe chaos` did and found."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault as it was done."""

    kind: str
    partition: str
    recovery: float  #: seconds until that partition (all that it concerned) committed again


@dataclass(frozen=True, slots=True)
class ChaosReport:
    """What came out. `differences` are rows lost, doubled or altered, and offsets behind, by verify's kinds."""

    seed: int
    rows: int
    faults: tuple[Fault, ...]
    orphans: int
    differences: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Nothing lost, doubled or altered, and nobody left behind."""
        return not self.differences and not self.orphans

    def recovery(self, share: float, kind: str = "") -> float:
        """Quantile of the recovery times, in seconds, of all faults or of one kind; 0 if there was none."""
        times = sorted(fault.recovery for fault in self.faults if kind in {"", fault.kind})
        if len(times) < 2:  # noqa: PLR2004 - quantiles need two points
            return times[0] if times else 0.0
        return statistics.quantiles(times, n=100, method="inclusive")[round(share * 100) - 1]

    def to_json(self) -> dict[str, Any]:
        """Stable keys."""
        kinds = Counter(fault.kind for fault in self.faults)
        return {
            "schema_version": 1,
            "seed": self.seed,
            "ok": self.ok,
            "rows": self.rows,
            "faults": len(self.faults),
            "faults_by_kind": dict(kinds),
            "lost": self.differences.get("missing", 0) + self.differences.get("not_consumed", 0),
            "doubled": self.differences.get("extra", 0),
            "altered": self.differences.get("altered", 0),
            "differences": self.differences,
            "orphans": self.orphans,
            "recovery_p50": round(self.recovery(0.50), 3),
            "recovery_p99": round(self.recovery(0.99), 3),
            "each": [asdict(fault) for fault in self.faults],
        }
