"""Runs every `sh` block of a Markdown file, in order, in one scratch copy of the repository: a README that lies fails here."""

import pathlib
import re
import subprocess
import sys
import tempfile

text = pathlib.Path(sys.argv[1]).read_text()
blocks = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
if not blocks:
    sys.exit("no command blocks found")
root = pathlib.Path.cwd()
with tempfile.TemporaryDirectory() as scratch:
    work = pathlib.Path(scratch) / "shrinx"
    subprocess.run(["git", "clone", "-q", str(root), str(work)], check=True)
    for block in blocks:
        block = block.replace("cargo ", f"CARGO_TARGET_DIR='{root}/target' cargo ").replace("target/", f"{root}/target/")
        print(block, flush=True)
        subprocess.run(["bash", "-eu", "-c", block], cwd=work, check=True)
print(f"{len(blocks)} blocks ran")
