"""Checks a seal with nothing but Python: every file that it names, and the chain of seals before it.

usage: python3 check_seal.py MANIFEST

MANIFEST is evidence/closed/<month>/<edition>/manifest.json of an unpacked bundle. Ends with 0 where everything is as it was sealed, with 1 where not.
The signature is not checked here; `minisign` does that.
"""

import hashlib
import json
import pathlib
import sys


def sha256(path: pathlib.Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while some := file.read(1 << 20):
            digest.update(some)
    return digest.hexdigest()


def main() -> int:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    manifest = pathlib.Path(sys.argv[1]).resolve()
    closed, evidence = manifest.parent, manifest.parents[3]
    seal = json.loads(manifest.read_text())
    trouble = []
    listed = [(evidence / file["path"], file) for file in seal["evidence"]] + [(closed / file["path"], file) for file in seal["files"]]
    for path, file in listed:
        name = path.relative_to(evidence)
        if not path.is_file():
            trouble.append(f"MISSING {name}")
        elif sha256(path) != file["sha256"]:
            trouble.append(f"CHANGED {name}")
    print(f"{len(listed)} files that the seal names")
    links, link = 0, seal["previous"]
    while link is not None:
        before = evidence / "closed" / link["month"] / str(link["edition"]) / "manifest.json"
        if not before.is_file() or sha256(before) != link["sha256"]:
            trouble.append(f"BROKEN the seal before is not {link['month']} edition {link['edition']} with {link['sha256']}")
            break
        links, link = links + 1, json.loads(before.read_text())["previous"]
    print(f"{links} seals before it")
    print("\n".join(trouble) if trouble else "all of it is as it was sealed")
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
