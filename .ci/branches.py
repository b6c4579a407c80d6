"""Prints the shares of covered lines and branches that C{coverage json} found; exits with 1 if low."""

from __future__ import annotations

import json
import sys

#: Percent of all branches. Coverage's own total mixes lines with branches, and is higher.
LEAST = 94.0
WORST = 12


def main() -> int:
    """Say the shares of the whole, and the files with the most branches to go."""
    with open(sys.argv[1], encoding="utf-8") as stream:
        report = json.load(stream)
    whole = report["totals"]
    share = 100 * whole["covered_branches"] / whole["num_branches"]
    print(f"branches covered: {share:.2f} % ({whole['covered_branches']} of {whole['num_branches']})")
    print(f"lines covered: {whole['percent_statements_covered']:.2f} %")
    print(f"coverage's total of lines and branches: {whole['percent_covered']:.2f} %")
    missing = {name: each["summary"]["missing_branches"] for name, each in report["files"].items()}
    print("most branches not covered:")
    for name in sorted(missing, key=lambda name: (-missing[name], name))[:WORST]:
        print(f"{missing[name]:6} {name}")
    if share < LEAST:
        print(f"too few branches are covered: {share:.2f} % are less than {LEAST:.0f} %")
        return 1
    return 0


sys.exit(main())
