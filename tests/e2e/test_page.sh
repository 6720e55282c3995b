#!/bin/sh
# The pages of serve in a real browser: they fit, can be read in light and dark, and say in words what colours say.
# Screenshots are left in build/KIND/pages/.
set -u
. tests/e2e/lib.sh
. tests/e2e/serve_lib.sh

if ! command -v chromium >/dev/null; then
    echo "ok 1 - pages in a browser # SKIP-SERVER: chromium is missing; ci/deps.sh test"
    echo 1..1
    exit 0
fi
pages=$SLUICE_BUILD/pages
mkdir -p "$pages" && rm -f "$pages"/*.png

# browse WIDTH HEIGHT URL ARGUMENT...
browse() {
    size=$1,$2
    page=$3
    shift 3
    HOME=$work timeout 60 chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
        --no-first-run --disable-background-networking --user-data-dir="$work/browser" --window-size="$size" "$@" "$page" \
        2>"$work/browser.log"
}

# shoot NAME WIDTH HEIGHT PATH ARGUMENT...: a screenshot of the page as it is served
shoot() {
    name=$1 width=$2 height=$3 path=$4
    shift 4
    browse "$width" "$height" "$url$path" --screenshot="$pages/$name.png" "$@" >/dev/null
    is "$name.png is ${width}x$height" "$(python3 -c '
import struct, sys
print("%dx%d" % struct.unpack(">II", open(sys.argv[1], "rb").read(24)[16:]))' "$pages/$name.png" 2>&1)" "${width}x$height"
}

# What a copy of a page says of itself: where it is too wide, and text that has too little contrast.
cat >"$work/judge.js" <<'END'
const rgb = c => c.match(/[\d.]+/g).map(Number);
const light = c => rgb(c).slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const behind = e => { for (; e; e = e.parentElement) { const b = getComputedStyle(e).backgroundColor;
    if (rgb(b).length < 4 || rgb(b)[3] > 0) return b; } return "rgb(255,255,255)"; };
const bad = [], seen = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let texts = 0;
for (let t; t = seen.nextNode();) {
    const e = t.parentElement, s = getComputedStyle(e), box = e.getBoundingClientRect();
    if (!t.data.trim() || box.width <= 1 || e.closest(".vh, .skip, script, [aria-hidden=true]")) continue;
    const a = light(s.color), b = light(behind(e)), ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    texts++;
    if (ratio < 4.5) bad.push("contrast " + ratio.toFixed(1) + ": " + t.data.trim().slice(0, 30));
    if (box.right > innerWidth + 1) bad.push("too wide: " + t.data.trim().slice(0, 30));
}
if (document.documentElement.scrollWidth > innerWidth) bad.push("scrolls sideways: " + document.documentElement.scrollWidth);
for (const e of document.querySelectorAll("a, code.cmd")) if (!(e.getAttribute("aria-label") || e.textContent).trim()) bad.push("a link without a name");
for (const e of document.querySelectorAll("a.c")) { const b = e.getBoundingClientRect();
    if (b.width < 20 || b.height < 24) { bad.push("a cell of " + b.width.toFixed(0) + "x" + b.height.toFixed(0)); break; } }
parent.postMessage(innerWidth + " " + texts + " " + (bad.slice(0, 9).join("; ") || "fine"), "*");
END

# judge NAME WIDTH PATH ARGUMENT...: the same page with its stylesheet and the judge put into it
judge() {
    name=$1 width=$2 path=$3
    shift 3
    get /style.css
    cp "$work/body" "$work/style.css"
    get "$path"
    python3 - "$work" <<'END'
import re, sys
work = sys.argv[1]
read = lambda name: open(f"{work}/{name}", encoding="utf-8").read()
page = re.sub(r'<meta http-equiv="refresh"[^>]*>|<link rel="icon"[^>]*>', "", read("body"))
page = re.sub(r'<link rel="stylesheet"[^>]*>', lambda m: "<style>" + read("style.css") + "</style>", page)
open(f"{work}/copy.html", "w", encoding="utf-8").write(page.replace("</body>", "<script>" + read("judge.js") + "</script></body>"))
END
    # In a frame: a browser's own window is not as narrow as a telephone.
    cat >"$work/outer.html" <<END
<!doctype html><title>nothing</title><script>onmessage = m => document.title = m.data</script>
<iframe src="copy.html" style="border:0;width:${width}px;height:3000px"></iframe>
END
    title=$(browse 1400 1000 "file://$work/outer.html" --virtual-time-budget=2000 --dump-dom "$@" | sed -n 's/.*<title>\(.*\)<\/title>.*/\1/p')
    like "$name at $width: fits, readable, cells big enough" "$title" "^$width [1-9][0-9]+ fine$"
}

# --- a pipeline with something of everything ------------------------------------------------------------------------------
lake "$work/p" --from 2022-06-04T00 --hours 39 --files 2 --rows 60
cd "$work/p" || exit 1
rm -r lake/yyyy=2022/mm=06/dd=05/hh=06
sed -i '2,30s/^[^,]*,[^,]*/7,x/' lake/yyyy=2022/mm=06/dd=05/hh=09/part-00000.csv
long=$(printf 'a-very-long-name-%.0s' 1 2 3 4 5 6 7 8).csv
mv lake/yyyy=2022/mm=06/dd=05/hh=09/part-00000.csv "lake/yyyy=2022/mm=06/dd=05/hh=09/$long"
sed -i 's/^max_rejects.*//; s/max_rejects: 1%/max_rejects: 10%/' sluice.yaml
sed -i '2s/^[^,]*,[^,]*/7,x/' lake/yyyy=2022/mm=06/dd=05/hh=11/part-00000.csv
find lake -type f -exec touch -d '2022-06-05' {} +
succeeds "some hours" run --to 2022-06-05T05 --from 2022-06-04T00
serve page --now 2022-06-05T15:05:00Z
until_says /api/v1/p/loan_applicants/status '"hour":"2022-06-05T14","state":"loaded"' || fail "worked" "$(cat "$log")"
: >queue/loan_applicants/2022060515
: >queue/loan_applicants/2022060516
until_says /metrics 'depth_hours\{[^}]*\} 2'

shoot status-wide 1280 1500 /
shoot status-narrow 390 3000 /
shoot status-dark 1280 1500 / --blink-settings=preferredColorScheme=0
shoot hour-wide 1280 900 /p/loan_applicants/hour/2022-06-05T09
shoot hour-narrow 390 1800 /p/loan_applicants/hour/2022-06-05T09
for width in 1280 800 390; do
    judge "the status page" $width /
    judge "an hour" $width /p/loan_applicants/hour/2022-06-05T09
done
judge "in the dark" 1280 / --blink-settings=preferredColorScheme=0
judge "an hour in the dark" 390 /p/loan_applicants/hour/2022-06-05T09 --blink-settings=preferredColorScheme=0

dom=$(browse 1280 1000 "$url/" --dump-dom)
like "the browser has the state of an hour as its name" "$dom" 'aria-label="09:00 failed"[^>]*>F</a>'
like "late has a letter too" "$dom" 'aria-label="06:00 empty, late"[^>]*>E!</a>'
like "rejects as well" "$dom" 'aria-label="11:00 loaded, rejects"[^>]*>L\*</a>'
like "queued" "$dom" 'class="c queued"'
like "headings in order" "$(printf '%s' "$dom" | grep -o '<h[1-6]' | tr -d '\n')" '^<h1(<h2(<h3)*)+$'
like "a language" "$dom" '<html lang="en">'
like "a way past the head" "$dom" 'href="#main"'
is "each part has a name" "$(printf '%s' "$dom" | grep -o '<section[^>]*>' | grep -vc 'aria-labelledby')" 0
is "each table has heads" "$(printf '%s' "$dom" | grep -o '<th [^>]*>' | grep -vc 'scope=')" 0
is "no script" "$(printf '%s' "$dom" | grep -ci '<script')" 0
ends "the end"

# --- several --------------------------------------------------------------------------------------------------------------
mkdir many && for i in 1 2 3 4 5 6; do
    sed "s/^name: .*/name: pipeline_$i/; s|file:lake|file:../lake|; s|file:queue.*|file:../queue/$i|; s|sqlite:.*|sqlite:../$i.db|" sluice.yaml >many/$i.yaml
done
sed -i 's|file:../lake|file:../nowhere|' many/2.yaml
serve many -c many --now 2022-06-05T14:05:00Z
until_says / '1 in trouble' || fail "trouble" "$out"
until_says /api/v1/p/pipeline_6/status '"loaded":3' || fail "worked" "$(cat "$log")"
shoot index-wide 1280 600 /
shoot index-narrow 390 1400 /
shoot trouble-wide 1280 900 /p/pipeline_2
judge "all pipelines" 1280 /
judge "all pipelines" 390 /
judge "trouble" 390 /p/pipeline_2
ends "the end"

finish
