#!/bin/sh
# gen_fixture: the marginals it promises, the same bytes for the same seed, and each kind of damage.
set -u
gen=$SLUICE_BUILD/gen_fixture
first=yyyy=2022/mm=06/dd=05/hh=12/part-00000.csv
n=0

# is NAME ACTUAL EXPECTED
is() {
    n=$((n + 1))
    if [ "$2" = "$3" ]; then
        echo "ok $n - $1"
    else
        printf 'not ok %d - %s\n# got  %s\n# want %s\n' $n "$1" "$2" "$3"
    fi
}

echo 1..23
"$gen" --out "$TMPDIR/a" --rows 200000 --seed 7 >"$TMPDIR/said"
is "it says what it wrote" "$(cat "$TMPDIR/said")" "1 files, 200000 rows, $(wc -c <"$TMPDIR/a/$first") bytes"
"$gen" --out "$TMPDIR/b" --rows 200000 --seed 7 >/dev/null
is "the same seed, the same bytes" "$(cmp "$TMPDIR/a/$first" "$TMPDIR/b/$first" && echo same)" same
"$gen" --out "$TMPDIR/b" --rows 200000 --seed 8 >/dev/null
is "another seed, other bytes" "$(cmp -s "$TMPDIR/a/$first" "$TMPDIR/b/$first" || echo other)" other

# Prints `within` for each marginal that holds, else the value.
awk -F, '
    function near(name, value, want, tolerance) {
        print name, (value >= want - tolerance && value <= want + tolerance ? "within" : value)
    }
    NR == 1 { header = NF; next }
    NF != header { ragged++ }
    {
        defaults += $2; age += $4; age2 += $4 * $4; zeros += $4 == 0; over += $3 > 1
        if ($7 == "NA") { no_income++; if ($6 !~ /^[0-9]+$/) ratio++ } else income += $7
        no_dependents += $12 == "NA"; c98 += $5 == 98; c96 += $5 == 96
        if (($5 > 90) != ($9 > 90) || ($5 > 90) != ($11 > 90)) apart++
        if ($6 > largest) largest = $6
        if ($3 > busiest) busiest = $3
    }
    END {
        rows = NR - 1
        near("defaults", defaults / rows, 0.06684, 0.0025)
        near("age_mean", age / rows, 52.3, 0.15)
        near("age_deviation", sqrt(age2 / rows - (age / rows) ^ 2), 14.8, 0.15)
        near("age_zeros", zeros, 4, 4)
        near("no_income", no_income / rows, 0.1982, 0.004)
        near("income_mean", income / (rows - no_income), 6650, 150)
        near("no_dependents", no_dependents / rows, 0.0261, 0.0015)
        near("code_98", c98 / rows, 0.00176, 0.0004)
        near("code_96", c96, 8, 8)
        near("codes_apart", apart + 0, 0, 0)
        near("over_limit", over / rows, 0.026, 0.003)
        near("heavy_tails", largest > 20000 && busiest > 5000, 1, 0)
        near("ragged_or_no_amount", ragged + ratio, 0, 0)
    }' "$TMPDIR/a/$first" >"$TMPDIR/marginals"
while read -r name value; do
    is "marginal $name" "$value" within
done <"$TMPDIR/marginals"

"$gen" --out "$TMPDIR/c" --hours 3 --files 2 --rows 10 --from 2022-12-31T23 --layout '%Y%m%d%H.%N' >/dev/null
is "hours, files and layout" "$(cd "$TMPDIR/c" && echo *)" \
    "2022123123.00000 2022123123.00001 2023010100.00000 2023010100.00001 2023010101.00000 2023010101.00001"
is "rows are numbered through" "$(tail -n 1 "$TMPDIR/c/2023010101.00001" | cut -d, -f1)" 60

"$gen" --out "$TMPDIR/d" --rows 70 --bad ragged --bad quote --bad nul --bad utf8 --bad type --bad range:2 >/dev/null
"$gen" --out "$TMPDIR/e" --rows 70 >/dev/null
is "damage to some rows changes no other" \
    "$(LC_ALL=C diff -a "$TMPDIR/d/$first" "$TMPDIR/e/$first" | grep -a -c '^<')" 7
is "each kind of damage" "$(LC_ALL=C diff -a "$TMPDIR/d/$first" "$TMPDIR/e/$first" | grep -a '^<' | LC_ALL=C tr '\0\377' '01' |
    awk -F, '{ printf "%d%s%s%s ", NF, $2 ~ /"/ ? "q" : "", $4 ~ /^40$|^forty$|^99999999999999999999$/ ? $4 : "", $7 ~ /^121$/ ? "u" : "" }')" \
    "11 12q 1240 12u 12forty 1299999999999999999999 1299999999999999999999 "
"$gen" --out "$TMPDIR/f" --files 2 --rows 5 --bad bom --bad cr:2 >/dev/null
is "a byte order mark" "$(head -c 3 "$TMPDIR/f/$first" | od -An -tx1)" " ef bb bf"
is "line ends of CR alone" "$(tr -cd '\n' <"$TMPDIR/f/$first" | wc -c) $(tr -cd '\r' <"$TMPDIR/f/$first" | wc -c)" "0 6"
"$gen" --out "$TMPDIR/g" --bad nonsense 2>/dev/null
is "an unknown kind is refused" "$? $(ls "$TMPDIR/g" 2>/dev/null)" "2 "
