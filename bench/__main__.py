"""Run the measurements, print a table and write `bench/out/latest.json`.

A part is a module `bench/bench_<part>.py` with `run() -> list[Figure]`.
"""

import importlib
import json
import pkgutil
import sys
from dataclasses import asdict
from pathlib import Path

import bench
from bench.figure import Figure

OUT = Path(__file__).parent / "out" / "latest.json"


def parts() -> list[str]:
    return sorted(
        m.name.removeprefix("bench_") for m in pkgutil.iter_modules(bench.__path__) if m.name.startswith("bench_")
    )


def main(only: list[str]) -> int:
    unknown = set(only) - set(parts())
    if unknown:
        print(f"no such part: {', '.join(sorted(unknown))}; there are: {', '.join(parts())}", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    for part in only or parts():
        print(f"measuring {part} ...", flush=True)
        figures += importlib.import_module(f"bench.bench_{part}").run()
    width = max((len(f.name) for f in figures), default=4)
    print(f"\n{'name':<{width}}  {'value':>12}  {'unit':<12} {'reference':>12} {'ratio':>7}")
    for f in figures:
        reference = "" if f.reference is None else f"{f.reference:,.2f}"
        ratio = "" if f.ratio is None else f"{f.ratio:.2f}"
        print(f"{f.name:<{width}}  {f.value:>12,.2f}  {f.unit:<12} {reference:>12} {ratio:>7}  {f.note}")
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([asdict(f) for f in figures], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main([a for a in sys.argv[1:] if a]))
