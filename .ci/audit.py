"""Asks whether a pinned package has a known hole; without its source of advisories it says so, and
skips.
"""

import json
import subprocess
import sys

COMMAND = [sys.executable, "-m", "pip_audit", "--requirement", "requirements/constraints.txt"]
OPTIONS = ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
LIMIT_S = 300


def main() -> int:
    """0, or 1 for a hole; what was found, or why nothing was, is printed."""
    try:
        done = subprocess.run(
            [*COMMAND, *OPTIONS], capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return skip("no answer in time")
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return skip(done.stderr.strip().rpartition("\n")[2] or "no answer")
    known = [package for package in packages if "skip_reason" not in package]
    if len(known) < len(packages) / 2:
        return skip(f"the index knows advisories of {len(known)} of {len(packages)} packages")
    holes = [(package, hole) for package in known for hole in package["vulns"]]
    for package, hole in holes:
        fixed = ", ".join(hole["fix_versions"]) or "no version"
        print(f"{package['name']} {package['version']}: {hole['id']}, fixed in {fixed}")
    print(f"{len(known)} packages audited, {len(holes)} holes")
    return int(bool(holes))


def skip(reason: str) -> int:
    print(f"skipped: {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
