"""Look for known weaknesses in what the locks name.

Asks the package index for its advisories. Many mirrors have none: then one question is enough to know, and the answer is
"cannot tell", which fails only where `SOUK_TEST_MUST_RUN` names `audit`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import lock

PIP_AUDIT: Final = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]


def main() -> int:
    """0 when nothing is known against what the locks name, or when the index cannot tell."""
    wanted = [lock.heading(entry) for file in (lock.RUN, lock.TEST) for entry in lock.entries(file)]
    if not advisories(wanted[:1]):
        print("souk: the package index has no advisories (or cannot be reached), so nothing was audited", file=sys.stderr)
        return 1 if "audit" in os.environ.get("SOUK_TEST_MUST_RUN", "") else 0
    weak = [package for package in advisories(wanted) if package["vulns"]]
    for package in weak:
        for weakness in package["vulns"]:
            fixed = ", ".join(weakness["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {weakness['id']}, fixed in {fixed}", file=sys.stderr)
    print(f"souk: audited {len(wanted)} packages, {len(weak)} with known weaknesses")
    return 1 if weak else 0


def advisories(requirements: list[str]) -> list[Any]:
    """What is known of each package that the index knows about."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "requirements.txt"
        file.write_text("\n".join(requirements))
        done = subprocess.run([*PIP_AUDIT, "--requirement", str(file)], capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return []
    return [package for package in found if "skip_reason" not in package]


if __name__ == "__main__":
    sys.exit(main())
