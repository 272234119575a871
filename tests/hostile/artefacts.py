"""What the files of a report say to programs that are not ours.

In: a folder with report files. Out: JSON on stdout, a part a file: elements and attributes of the page as a browser's parser builds them, cells and
formulas of the workbook, texts of the rest. Rule: a file that is not well-formed ends this with an error. Does not: use any code of the product.
"""

import collections
import csv
import io
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as xml
import zipfile

import html5lib

SPREADSHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def counted(tree):
    """Elements by name, and attributes by element and name."""
    elements, attributes = collections.Counter(), collections.Counter()
    for element in tree.iter():
        if isinstance(element.tag, str):
            elements[element.tag] += 1
            attributes.update(f"{element.tag} {name}" for name in element.attrib)
    return {"elements": dict(elements), "attributes": dict(attributes), "text": "".join(tree.itertext())}


def page(data):
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    seen = counted(parser.parse(data))
    seen["values"] = sorted({value for element in parser.tree.getDocument().iter() for value in element.attrib.values()})
    # What a browser would mend by itself is an error of the page.
    seen["errors"] = sorted({code for _, code, _ in parser.errors})
    return seen


def unescaped(text):
    """Spreadsheets write a character that XML does not have as _x0007_."""
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda code: chr(int(code[1], 16)), text)


def workbook(data):
    texts, formulas, numbers, rows = set(), set(), 0, {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    trees = {name: xml.fromstring(part) for name, part in parts.items() if not name.endswith((".png", ".bin"))}
    shared = []
    if "xl/sharedStrings.xml" in trees:
        shared = ["".join(t.text or "" for t in item.iter(f"{SPREADSHEET}t")) for item in trees["xl/sharedStrings.xml"]]
    names = [sheet.get("name") for sheet in trees["xl/workbook.xml"].iter(f"{SPREADSHEET}sheet")]
    for number, name in enumerate(names, 1):
        sheet = trees[f"xl/worksheets/sheet{number}.xml"]
        rows[name] = sum(1 for _ in sheet.iter(f"{SPREADSHEET}row"))
        for cell in sheet.iter(f"{SPREADSHEET}c"):
            formula, value = cell.find(f"{SPREADSHEET}f"), cell.find(f"{SPREADSHEET}v")
            if formula is not None:
                formulas.add(formula.text or "")
            if cell.get("t") == "s":
                texts.add(unescaped(shared[int(value.text)]))
            elif cell.get("t") in ("str", "inlineStr", "e"):
                texts.add(unescaped("".join(cell.itertext())))
            elif value is not None:
                numbers += float(value.text) == float(value.text)
    relations = [
        relation.get("Target") for name, tree in trees.items() if name.endswith(".rels") for relation in tree if relation.get("TargetMode") == "External"
    ]
    return {"texts": sorted(texts), "formulas": sorted(formulas), "numbers": numbers, "rows": rows, "parts": sorted(parts), "external": relations}


def plain(value):
    """All keys and texts of a JSON document; numbers that JSON does not have are refused."""
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in plain(part)]
    if isinstance(value, list):
        return [text for part in value for text in plain(part)]
    return [value] if isinstance(value, str) else []


def document(data):
    def refused(word):
        raise ValueError(f"{word} is no JSON")

    return {"texts": sorted(set(plain(json.loads(data, parse_constant=refused))))}


def table(data):
    return {"rows": list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))}


READERS = {".html": page, ".xhtml": lambda data: counted(xml.fromstring(data)), ".xlsx": workbook, ".json": document, ".csv": table}

sys.stdout.reconfigure(encoding="utf-8", errors="surrogatepass")
files = sorted(path for path in pathlib.Path(sys.argv[1]).iterdir() if path.suffix in READERS)
print(json.dumps({path.name: READERS[path.suffix](path.read_bytes()) for path in files}))
