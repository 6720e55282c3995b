"""What pandas says of the same files as `sluice profile --json`.

  profile_pandas.py generate FILE                     a file with text, dates, decimals and gaps, by a fixed seed
  profile_pandas.py compare JSON NULL[,NULL...] FILE...  one line for each figure that differs, then how many agreed

Files are given in key order; hh=HH in a path is the hour. Figures agree to 1e-9 relative, counts exactly.
"""
import csv
import json
import math
import random
import re
import sys

import numpy
import pandas

QUANTILES = {"p01": 0.01, "p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}
DAY_US = 86400 * 10**6
agreed = 0
differ = []


def generate(path):
    rng = random.Random(42)
    words = ["red", "green", "blue", "grün", "a,b", 'say "x"', "", "NA", " padded ", "日本"]
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, quoting=csv.QUOTE_MINIMAL)
        out.writerow(["id", "kind", "word", "price", "day", "moment", "ratio", "flag", "nothing", "same"])
        for i in range(3000):
            day = "20%02d-%02d-%02d" % (rng.randrange(100), rng.randrange(1, 13), rng.randrange(1, 29))
            moment = "%s %02d:%02d:%02d" % (day, rng.randrange(24), rng.randrange(60), rng.randrange(60))
            if rng.random() < 0.3:
                moment += ".%06d" % rng.randrange(1, 10**6)
            ratio = repr(rng.lognormvariate(0, 3)) if rng.random() > 0.1 else "NA"
            out.writerow([
                i * 7 - 500, rng.choice("abc"), rng.choice(words), "%.2f" % (rng.gauss(0, 250)) if rng.random() > 0.05 else "NA",
                day if rng.random() > 0.2 else "NA", moment, ratio, rng.randrange(2) if rng.random() > 0.02 else "NA", "NA", 7])


def close(a, b):
    if a is None or b is None or (isinstance(b, float) and math.isnan(b)):
        return a is None and (b is None or math.isnan(b))
    return a == b or abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def held(what, ours, theirs, same=None):
    global agreed
    if same if same is not None else close(ours, theirs):
        agreed += 1
    else:
        differ.append("%s: sluice %r, pandas %r" % (what, ours, theirs))


def micros(text):
    """Microseconds since 1970 of a moment or date as text."""
    return None if text is None else int(pandas.Timestamp(text).value // 1000)


def series(column, texts, nulls):
    """The column's values as pandas would hold them: floats, moments as microseconds, texts."""
    kind, type_ = column["kind"], column["type"]
    known = [None if t in nulls else t for t in texts]
    if kind == "text":
        return pandas.Series(known, dtype=object)
    if kind == "boolean":
        known = [None if t is None else {"0": 0, "1": 1, "false": 0, "true": 1}[t] for t in known]
    if kind == "time":
        known = [None if t is None else float(micros(t)) for t in known]
        return pandas.Series(known, dtype="float64")
    return pandas.Series([None if t is None else float(t) for t in known], dtype="float64")


def figures(name, c, s, part):
    """mean, std, quantiles, ... of a column, or of one class of it."""
    time = c["kind"] == "time"
    unit = DAY_US if c["type"] == "date" else 1
    given = (lambda v: micros(v)) if time else (lambda v: v)
    d = s.describe()
    wanted = {"mean": d["mean"], "min": d["min"], "max": d["max"]}
    wanted.update({key: s.quantile(q) for key, q in QUANTILES.items()})
    wanted.update({"p25": d["25%"], "p50": d["50%"], "p75": d["75%"]})
    for key, value in wanted.items():
        ours = given(part[key])
        if time and ours is not None:  # to the microsecond, as the text has it
            held("%s %s" % (name, key), ours, value, abs(ours - value) <= 2)
        else:
            held("%s %s" % (name, key), ours, float(value))
    held(name + " std", part["std"], float(d["std"]) / unit)
    if s.count() > 2 and s.nunique() > 1:
        held(name + " skew", part["skew"], float(s.skew()))
    if not time:
        for key, ascending in (("lowest", True), ("highest", False)):
            ends = s.value_counts().sort_index(ascending=ascending).head(5)
            held(name + " " + key, part[key], list(ends.items()),
                 [(e["value"], e["count"]) for e in part[key]] == list(ends.items()))
        if s.count():
            held(name + " sum", part["sum"], float(s.sum()))
        held(name + " zeros", part["zeros"], int((s == 0).sum()))
        held(name + " negatives", part["negatives"], int((s < 0).sum()))
    if s.count():
        iqr = d["75%"] - d["25%"]
        low, high = s[s < d["25%"] - 1.5 * iqr], s[s > d["75%"] + 1.5 * iqr]
        held(name + " outliers_low", part["outliers_low"]["count"], len(low))
        held(name + " outliers_high", part["outliers_high"]["count"], len(high))
        if not time:
            furthest = sorted(high.unique(), reverse=True)[:5]
            held(name + " examples", part["outliers_high"]["examples"], furthest,
                 part["outliers_high"]["examples"] == furthest)


def top(name, c, s):
    counts = s.value_counts()
    held(name + " distinct", c["distinct"], int(s.nunique()))
    ours = [v["count"] for v in c["top"]]
    held(name + " value_counts", ours, counts.head(10).tolist(), ours == counts.head(10).tolist())
    for v in c["top"]:
        value = micros(v["value"]) if c["kind"] == "time" else v["value"]
        there = int((s == value).sum())
        held("%s count of %r" % (name, value), v["count"], there)


def histogram(name, c, s):
    h = c["histogram"]
    if h is None:
        held(name + " histogram", None, None, s.count() == 0)
        return
    edge = micros if c["kind"] == "time" else float
    values = s.dropna()
    below, above = 0, 0
    if h["bins"]:
        below = int((values < edge(h["bins"][0]["low"])).sum())
        end = edge(h["bins"][-1]["high"])
        # Then a bin is so many whole numbers.
        whole = (c["kind"] == "boolean" or c["type"].endswith("int")) and not h["logarithmic"]
        above = int(((values >= end) if whole else (values > end)).sum())
    if c["kind"] == "time":  # its edges are told to the microsecond: only the sum can be exact
        held(name + " histogram", sum(b["count"] for b in h["bins"]) + h["below"] + h["above"], len(values))
        return
    for i, b in enumerate(h["bins"]):
        last = i + 1 == len(h["bins"]) and not whole
        inside = (values >= edge(b["low"])) & ((values <= edge(b["high"])) if last else (values < edge(b["high"])))
        held("%s bin %d" % (name, i), b["count"], int(inside.sum()))
    held(name + " below", h["below"], below)
    held(name + " above", h["above"], above)


def column(c, s):
    name = c["name"]
    held(name + " count", c["count"], int(s.count()))
    held(name + " nulls", c["nulls"], int(s.isna().sum()))
    held(name + " null_share", c["null_share"], float(s.isna().mean()))
    held(name + " approx", c["approx"], [], c["approx"] == [])
    top(name, c, s)
    if c["kind"] == "text":
        d = s.describe()
        if s.count():
            held(name + " freq", c["top"][0]["count"], int(d["freq"]))
            length = s.dropna().str.len()
            for key, value in (("min", length.min()), ("max", length.max()), ("mean", length.mean()),
                               ("empty", (length == 0).sum())):
                held("%s length %s" % (name, key), c["lengths"][key], float(value))
        return
    figures(name, c, s, c)
    histogram(name, c, s)


def compare(path, nulls, files):
    with open(path, encoding="utf-8") as file:
        doc = json.load(file)
    columns = {c["name"]: c for c in doc["columns"]}
    texts = {name: [] for name in columns}
    hours = {}
    for path in files:
        with open(path, newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            header = [name.replace("-", "_") for name in next(rows)]
            hour = re.search(r"hh=(\d\d)", path)
            n = 0
            for row in rows:
                n += 1
                for name, value in zip(header, row):
                    if name in texts:
                        texts[name].append(value)
            if hour:
                hours[hour[1]] = hours.get(hour[1], 0) + n
    frame = {name: series(c, texts[name], nulls) for name, c in columns.items()}
    data = pandas.DataFrame(frame)
    held("rows", doc["rows"], len(data))
    for name, c in columns.items():
        column(c, data[name])
    named = doc["correlations"]["columns"]
    held("correlated", named, None, named == [n for n, c in columns.items() if c["kind"] in ("number", "boolean")])
    matrix = data[named].corr().to_numpy()
    for i, row in enumerate(doc["correlations"]["matrix"]):
        for j, r in enumerate(row):
            same = None if r is None or math.isnan(matrix[i][j]) else abs(r - matrix[i][j]) <= 1e-9
            held("corr %s %s" % (named[i], named[j]), r, float(matrix[i][j]), same)
    if hours:
        told = {h["hour"][-2:]: h["rows"] for h in doc["hours"]}
        held("hours", told, hours, told == hours)
    if doc["by"]:
        by = data[doc["by"]]
        for i, k in enumerate(doc["classes"]):
            mask = by.isna() if k["class"] == "NULL" else by == (k["class"] if columns[doc["by"]]["kind"] == "text" else float(k["class"]))
            held("class %s" % k["class"], k["rows"], int(mask.sum()))
            for name, c in columns.items():
                part = c["split"][i]
                held("%s of %s" % (name, k["class"]), part["count"], int(data[name][mask].count()))
                held("%s of %s nulls" % (name, k["class"]), part["nulls"], int(data[name][mask].isna().sum()))
                if c["kind"] != "text":
                    figures("%s of %s" % (name, k["class"]), c, data[name][mask], part)
    for line in differ[:20]:
        print(line)
    print("%d figures agree, %d differ" % (agreed, len(differ)))


if sys.argv[1] == "generate":
    generate(sys.argv[2])
else:
    compare(sys.argv[2], set(sys.argv[3].split(",")), sys.argv[4:])
