"""Judges a page of metrics on stdin by Prometheus' text format and naming rules; prints what is wrong, exits with 1."""
import math, re, sys

SAMPLE = re.compile(r'^([a-z_][a-z0-9_]*)(\{[^}]*\})? (\S+)$')
LABELS = re.compile(r'^\{([a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\["\\n])*")*)\}$')
UNITS = ("seconds", "bytes", "total", "info", "hours", "sum", "count", "bucket", "late", "ready", "working")
problems, types, helps, seen, last = [], {}, {}, {}, None


def base(name):
    for end in ("_bucket", "_sum", "_count"):
        if name.endswith(end) and types.get(name[: -len(end)]) == "histogram":
            return name[: -len(end)]
    return name


text = sys.stdin.read()
if not text.endswith("\n"):
    problems.append("the last line has no end")
for line in text.splitlines():
    if line.startswith("# HELP "):
        name, words = line[7:].split(" ", 1)
        if name in helps:
            problems.append(f"{name}: a second HELP")
        if not words.endswith("."):
            problems.append(f"{name}: HELP is no sentence")
        helps[name] = words
    elif line.startswith("# TYPE "):
        name, kind = line[7:].split(" ")
        if name not in helps or any(base(k[0]) == name for k in seen):
            problems.append(f"{name}: TYPE without HELP, or behind samples")
        if kind not in ("counter", "gauge", "histogram"):
            problems.append(f"{name}: type {kind}")
        types[name] = kind
    else:
        match = SAMPLE.match(line)
        if not match or (match[2] and not LABELS.match(match[2])):
            problems.append(f"no sample: {line}")
            continue
        name, labels, value = match[1], match[2] or "", float(match[3])
        kind = types.get(base(name))
        if kind is None:
            problems.append(f"{name}: no TYPE before it")
        if base(name) != last and any(base(k[0]) == base(name) for k in seen):
            problems.append(f"{name}: its samples are not together")
        last = base(name)
        if (name, labels) in seen:
            problems.append(f"{name}{labels}: twice")
        if (kind == "counter") != name.endswith("_total"):
            problems.append(f"{name}: a counter, and only one, ends in _total")
        if not name.endswith(UNITS):
            problems.append(f"{name}: no unit")
        if not name.startswith(("sluice_", "process_")):
            problems.append(f"{name}: a foreign name")
        if not math.isfinite(value) or (kind != "gauge" and value < 0):
            problems.append(f"{name}{labels}: {value}")
        seen[name, labels] = value
for (name, labels), value in seen.items():
    if name.endswith("_count") and base(name) != name:
        whole = labels[:-1] + ',le="+Inf"}'
        buckets = [v for (n, l), v in seen.items() if n == base(name) + "_bucket" and l.startswith(labels[:-1] + ",")]
        if buckets != sorted(buckets) or seen.get((base(name) + "_bucket", whole)) != value:
            problems.append(f"{name}{labels}: buckets do not add up")
for name in set(helps) ^ set(types):
    problems.append(f"{name}: HELP or TYPE alone")
print("\n".join(problems) or f"{len(seen)} samples")
sys.exit(1 if problems or not seen else 0)
