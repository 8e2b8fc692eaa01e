"""What a run stands on: configuration, versions, seeds, where the data came from, time and memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from fringeflow.report.benchmarks import benchmark_table
from fringeflow.report.inputs import About, Files
from fringeflow.report.tables import Column, Row, Table, text_cell


@dataclass(frozen=True)
class Provenance:
    """What the page shows of it."""

    facts: Sequence[tuple[str, str]]
    versions: Table | None
    benchmarks: Table | None
    config: str


def provenance(described: Mapping[str, Mapping[str, Any]], about: About, benchmarks: Files) -> Provenance:
    """Return what a run stands on."""
    config = about.config
    training = config.get("training") or {}
    mirrors = [one.get("root", "") if isinstance(one, Mapping) else str(one) for one in config.get("mirrors") or []]
    facts = [
        ("Fringeflow", about.code),
        ("Seed of the workflow", str(config.get("seed", ""))),
        ("Seeds of training", ", ".join(map(str, training.get("seeds") or []))),
        ("Events", f"{len(about.events):,}" if about.events else ""),
        ("Interferograms", f"{len(about.interferograms):,}" if about.interferograms else ""),
        ("Mirrors, in order", ", ".join(map(str, mirrors))),
        *((f"Content of dataset {name}", str(found.get("digest", ""))[:16]) for name, found in sorted(described.items())),
    ]
    rows = [Row([text_cell(name), text_cell(version)]) for name, version in about.versions.items()]
    columns = [Column("Package", numeric=False), Column("Version", numeric=False)]
    return Provenance(
        [(title, text) for title, text in facts if text],
        Table("versions", "Versions of libraries", columns, rows) if rows else None,
        benchmark_table(benchmarks),
        yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=100) if config else "",
    )
