#!/bin/sh
# The page of profile --html in a real browser: it fits a telephone, can be read in light and dark, needs nothing from
# elsewhere, and takes its own stylesheet under its own policy. Screenshots are left in build/KIND/pages/.
set -u
. tests/e2e/lib.sh

if ! command -v chromium >/dev/null; then
    echo "ok 1 - the page of a profile in a browser # SKIP-SERVER: chromium is missing; ci/deps.sh test"
    echo 1..1
    exit 0
fi
pages=$SLUICE_BUILD/pages
mkdir -p "$pages" && rm -f "$pages"/profile-*

# browse FILE ARGUMENT...
browse() {
    page=$1
    shift
    HOME=$work timeout 60 chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
        --no-first-run --disable-background-networking --user-data-dir="$work/browser" "$@" "file://$page" 2>"$work/browser.log"
}
title() {
    sed -n 's/.*<title>\(.*\)<\/title>.*/\1/p' | head -1
}

# frame FILE WIDTH HEIGHT HEAD: a browser's own window is not as narrow as a telephone.
frame() {
    cat >"$work/outer.html" <<END
<!doctype html><title>nothing</title><style>body{margin:0}</style>$4
<iframe src="$1" style="border:0;width:${2}px;height:${3}px"></iframe>
END
}

# shoot NAME WIDTH HEIGHT FILE ARGUMENT...
shoot() {
    name=$1 width=$2 height=$3
    frame "$4" "$width" "$height" ''
    shift 4
    browse "$work/outer.html" --window-size="$width,$height" --screenshot="$pages/profile-$name.png" "$@" >/dev/null
    is "profile-$name.png is ${width}x$height" "$(python3 -c '
import struct, sys
print("%dx%d" % struct.unpack(">II", open(sys.argv[1], "rb").read(24)[16:]))' "$pages/profile-$name.png" 2>&1)" "${width}x$height"
}

# What a copy of the page says of itself. What scrolls in a box of its own may be wider than the page.
cat >"$work/judge.js" <<'END'
const rgb = c => c.match(/[\d.]+/g).map(Number);
const light = c => c.slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const over = (top, below) => top.length < 4 ? top : below.map((v, i) => v + (top[i] - v) * top[3]);
const behind = e => { const all = []; for (; e; e = e.parentElement) all.push(rgb(getComputedStyle(e).backgroundColor));
    return all.reverse().reduce((below, top) => over(top, below), [255, 255, 255]); };
const bad = [], seen = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let texts = 0;
for (let t; t = seen.nextNode();) {
    const e = t.parentElement, s = getComputedStyle(e), box = e.getBoundingClientRect();
    if (!t.data.trim() || box.width <= 1 || e.closest(".vh, .skip, script, title, desc, [aria-hidden=true]")) continue;
    const a = light(rgb(e.closest("svg") ? s.fill : s.color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    texts++;
    if (ratio < 4.5) bad.push("contrast " + ratio.toFixed(1) + ": " + t.data.trim().slice(0, 30));
    if ((box.right > innerWidth + 1 || box.left < -1) && !e.closest(".scroll, nav")) bad.push("too wide: " + t.data.trim().slice(0, 30));
}
if (document.documentElement.scrollWidth > innerWidth) bad.push("scrolls sideways: " + document.documentElement.scrollWidth);
for (const e of document.querySelectorAll("svg.plot, svg.strip, svg.spark")) {
    const b = e.getBoundingClientRect();
    if (b.width < 40 || b.height < 8) bad.push("a drawing of no size");
}
for (const e of document.querySelectorAll("svg.plot rect.box, svg.plot text")) {
    const b = e.getBoundingClientRect(), p = e.closest("svg.plot").getBoundingClientRect();
    if (b.width && (b.left < p.left - 2 || b.right > p.right + 2 || b.bottom > p.bottom + 2))
        bad.push("outside of its drawing: " + e.textContent);
}
for (const e of document.querySelectorAll("a")) if (!e.textContent.trim()) bad.push("a link without a name");
parent.postMessage(innerWidth + " " + texts + " " + (bad.slice(0, 9).join("; ") || "fine"), "*");
END

# judge NAME WIDTH ARGUMENT...: a copy of the page with the judge in it, for which its policy has to go
judge() {
    name=$1 width=$2
    shift 2
    python3 - "$work" "$name" <<'END'
import re, sys
work, name = sys.argv[1:]
read = lambda file: open(f"{work}/{file}", encoding="utf-8").read()
page, n = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", read(name + ".html"))
assert n == 1, "one policy"
open(f"{work}/copy.html", "w", encoding="utf-8").write(page.replace("</body>", "<script>" + read("judge.js") + "</script></body>"))
END
    frame copy.html "$width" 3000 '<script>onmessage = m => document.title = m.data</script>'
    verdict=$(browse "$work/outer.html" --window-size=1400,1000 --virtual-time-budget=4000 --dump-dom "$@" | title)
    like "$name at $width $*: fits and is readable" "$verdict" "^$width [1-9][0-9][0-9]+ fine$"
}

# --- two classes, a gap, refused records ----------------------------------------------------------------------------------
lake "$work/p" --from 2022-06-04T00 --hours 39 --files 2 --rows 60
cd "$work/p" || exit 1
rm -r lake/yyyy=2022/mm=06/dd=05/hh=06
sed -i '2,9s/^[^,]*,[^,]*/7,<b>x/' lake/yyyy=2022/mm=06/dd=05/hh=09/part-00000.csv
succeeds "profile --html" profile --all --by SeriousDlqin2yrs --html "$work/split.html"
succeeds "without classes" profile --all --html "$work/plain.html"

# --- texts, dates, no value, one value, names and texts that have no mercy ------------------------------------------------
mkdir "$work/odd" && cd "$work/odd" && mkdir -p lake/yyyy=2022/mm=06/dd=05/hh=12 || exit 1
cat >sluice.yaml <<'END'
name: odd
source: {url: "file:lake", csv: {nulls: [""]}}
schema:
  columns:
    - {name: name, type: varchar(200)}
    - {name: a_column_with_a_name_that_has_no_end_and_no_place_to_break, type: "decimal(12,2)"}
    - {name: day, type: date}
    - {name: at, type: timestamp}
    - {name: nothing, type: int}
    - {name: same, type: int}
target: {url: "sqlite:t.db", table: t}
END
python3 - >lake/yyyy=2022/mm=06/dd=05/hh=12/a.csv <<'END'
print("name,a_column_with_a_name_that_has_no_end_and_no_place_to_break,day,at,nothing,same")
names = ["<script>alert(1)</script>", "=2+3", "\u202e\u05e9\u05dc\u05d5\u05dd", "x" * 200, "plain", "\U0001f600", "a\tb"]
for i in range(300):
    print(f"{names[i % 7]},{i * i % 997}.{i % 100:02d},2022-0{1 + i % 6}-1{i % 10},2022-06-05 12:{i % 60:02d}:00,,7")
END
succeeds "odd columns" profile --all --html "$work/odd.html"
like "with all rows" "$(cat "$work/odd.html")" '<dt>Rows</dt><dd>300'

for file in split plain odd; do
    for width in 1280 800 390; do
        judge "$file" $width
    done
    judge "$file" 1280 --blink-settings=preferredColorScheme=0
    judge "$file" 390 --blink-settings=preferredColorScheme=0
done
shoot wide 1280 6000 split.html
shoot narrow 390 6000 split.html
shoot dark 800 6000 split.html --blink-settings=preferredColorScheme=0
shoot odd 800 3000 odd.html

# A viewer that blocks inline styles shows words, tables and drawings still.
sed 's/<style>/<style media="none">/' "$work/split.html" >"$work/bare.html"
shoot bare 1280 3000 bare.html

# --- what the browser makes of the file as it is --------------------------------------------------------------------------
frame split.html 900 900 '<script>onload = () => document.title = frames[0].getComputedStyle(frames[0].document.querySelector("nav")).position</script>'
is "its policy lets its own stylesheet in" "$(browse "$work/outer.html" --allow-file-access-from-files --virtual-time-budget=2000 --dump-dom | title)" sticky
sed 's/<style>/<style>\n/' "$work/split.html" >"$work/changed.html"
frame changed.html 900 900 '<script>onload = () => document.title = frames[0].getComputedStyle(frames[0].document.querySelector("nav")).position</script>'
is "and no other" "$(browse "$work/outer.html" --allow-file-access-from-files --virtual-time-budget=2000 --dump-dom | title)" static

browse "$work/split.html" --no-pdf-header-footer --print-to-pdf="$pages/profile-print.pdf" >/dev/null
is "it prints" "$(head -c 5 "$pages/profile-print.pdf")" "%PDF-"

dom=$(browse "$work/split.html" --dump-dom)
like "headings in order" "$(printf '%s' "$dom" | grep -o '<h[1-6]' | tr -d '\n')" '^<h1(<h2(<h3)*)+$'
is "each part has a name" "$(printf '%s' "$dom" | grep -o '<section[^>]*>' | grep -vc 'aria-labelledby')" 0
is "each table has heads" "$(printf '%s' "$dom" | grep -o '<th [^>]*>' | grep -vc 'scope=')" 0
is "each drawing has a name" "$(printf '%s' "$dom" | grep -Eo '<svg[^>]*class="(plot|strip|spark)[^>]*>' | grep -vc 'role="img"')" 0
like "gaps are said in words" "$dom" '1 hour has no object: 2022-06-05T06'
is "no script in any of them" "$(cat "$work/split.html" "$work/plain.html" "$work/odd.html" | grep -ci '<script')" 0
for file in split plain odd; do
    is "$file is below 1 MiB" "$([ "$(wc -c <"$work/$file.html")" -lt 1048576 ] && echo yes)" yes
done
cp -r "$work/p" "$work/elsewhere" && cd "$work/elsewhere" || exit 1
succeeds "from another place, with one thread" profile --all --by SeriousDlqin2yrs --threads 1 --html "$work/again.html"
is "it is the same to the byte" "$(cmp "$work/again.html" "$work/split.html" 2>&1)" ""

finish
