"""Whether two profiles (JSON documents, the second maybe within "profile") have the same columns: counts and texts
exactly, figures that depend on the order of the rows to 1e-9.   profile_same.py FILE FILE"""
import json
import sys


def columns(path):
    with open(path, encoding="utf-8") as file:
        doc = json.load(file)
    return doc.get("profile", doc)["columns"]


def differences(where, a, b):
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a:
            yield from differences("%s.%s" % (where, key), a[key], b[key])
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b)):
            yield from differences("%s[%d]" % (where, i), x, y)
    elif isinstance(a, float) and isinstance(b, (int, float)) or isinstance(b, float) and isinstance(a, int):
        if abs(a - b) > 1e-9 * max(abs(a), abs(b)):
            yield "%s: %r, %r" % (where, a, b)
    elif a != b:
        yield "%s: %r, %r" % (where, a, b)


a, b = (columns(path) for path in sys.argv[1:3])
found = ["%d columns, %d columns" % (len(a), len(b))] if len(a) != len(b) else [
    d for x, y in zip(a, b) for d in differences(x["name"], x, y)]
print("\n".join(found[:10]) if found else "same %d columns, %d values" % (len(a), sum(c["count"] for c in a)))
