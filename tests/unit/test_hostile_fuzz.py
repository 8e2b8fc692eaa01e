"""A bounded run of the coverage-guided fuzzer over listings, manifests and the portal's pages.

`FRINGEFLOW_FUZZ_S` sets the seconds: 20 by default, 0 for none; an hour finds what 20 seconds do not.
"""

import importlib.util
import os
import subprocess
import sys

import pytest

SECONDS = int(os.environ.get("FRINGEFLOW_FUZZ_S", "20"))


@pytest.mark.skipif(not SECONDS, reason="FRINGEFLOW_FUZZ_S is 0")
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not to be had for this platform")
def test_no_page_that_a_fuzzer_breeds_leads_astray(root, tmp_path):
    command = [sys.executable, root / "tests/fuzz/fuzz_listing.py", f"-max_total_time={SECONDS}", "-max_len=4096", "-timeout=60", "-seed=1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS + 300)
    found = [path.read_bytes() for path in tmp_path.glob("*-*") if path.is_file()]
    assert done.returncode == 0, f"{found}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "Done " in done.stderr + done.stdout
