"""``make lint``: are the types right that stand in the comments of the front end's JavaScript? TypeScript says.

TypeScript is fetched once, by npm, into a folder beside the environment; `tools/js/` says which version and how strict.
So is axe-core, with which the browser tests look for what a reader with other senses would miss.
Exit code: 0 if all is right, 1 if not. Where Node.js or npm is missing, or npm cannot fetch, one line says so and the
exit code is 0; with ``TUX3NB_REQUIRE_TSC=1``, as CI sets it, 1.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent / "js"
WANTED = ("package.json", "package-lock.json", ".npmrc")


def fetched(folder: Path, npm: str) -> str:
    """Put TypeScript into a folder unless it is there already; return why that failed, or an empty text."""
    lock = folder / "package-lock.json"
    if lock.exists() and lock.read_bytes() == (HERE / lock.name).read_bytes() and (folder / "node_modules").exists():
        return ""
    folder.mkdir(parents=True, exist_ok=True)
    for name in WANTED:
        shutil.copy(HERE / name, folder)
    done = subprocess.run([npm, "ci", "--ignore-scripts"], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    lock.unlink()
    return f"npm could not fetch TypeScript: {(done.stderr.strip() or f'exit code {done.returncode}').splitlines()[0]}"


def main(folder: Path) -> int:
    """Check the front end with the TypeScript in a folder."""
    node, npm = shutil.which("node"), shutil.which("npm")
    missing = " and ".join(name for name, path in (("node", node), ("npm", npm)) if not path)
    why = f"there is no {missing} on the PATH (Node.js has both)" if missing else fetched(folder, npm)
    if why:
        print(f"front end: types not checked; {why}", file=sys.stderr)
        return int(os.environ.get("TUX3NB_REQUIRE_TSC") == "1")
    tsc = folder / "node_modules/typescript/bin/tsc"
    return int(subprocess.run([node, str(tsc), "--project", str(HERE)], check=False).returncode != 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.prefix) / "js"))
