"""The classes of edge and bad values, with the verdict that each must get in every database.

  bad_values.py csv FILE          writes the one CSV file that holds them all
  bad_values.py rejects           prints what must be refused: line, column, error
  bad_values.py stored FILE       holds what a database keeps against what must be there. FILE has lines of id, column and the
                                  value's bytes in hex, as the stock client gives them (a value that is NULL has no line)
"""
import datetime
import decimal
import struct
import sys

COLUMNS = ["tiny", "small", "whole", "big", "flag", "single", "dbl", "amount", "day", "moment", "word", "txt"]


class No:
    """Refused with this error; the column is the value's own, or none where the record as such is at fault."""

    def __init__(self, error, column=None):
        self.error, self.column = error, column


INT, RANGE, FLOAT, DECIMAL = No("CAST_INT"), No("CAST_RANGE"), No("CAST_FLOAT"), No("CAST_DECIMAL")
BOOLEAN, DATE, TIME = No("CAST_BOOLEAN"), No("CAST_DATE"), No("CAST_TIMESTAMP")
LONG, ENCODING = No("TEXT_TOO_LONG"), No("TEXT_ENCODING")
QUOTE, NUL = No("CSV_QUOTE", ""), No("CSV_NUL", "")
NULL = None
MANY = "x" * 1000000


def integers():
    for column, bits in (("tiny", 8), ("small", 16), ("whole", 32), ("big", 64)):
        top = 2 ** (bits - 1)
        for value in (-top, top - 1):
            yield column, str(value), value
        for value in (-top - 1, top, 10 ** 40, -(10 ** 40)):
            yield column, str(value), RANGE
        for text, verdict in (("+1", INT), ("1.0", INT), (" 1", INT), ("1 ", INT), ("\t1", INT), ("0x10", INT), ("1e2", INT),
                              ("--1", INT), ("-", INT), ("1-", INT), ("1_000", INT), ('"1,000"', INT), ("１", INT),
                              ("abc", INT), ("null", INT), ("NULL", INT), ("\\N", INT), ('""', INT), ("NaN", INT),
                              ("-0", 0), ("007", 7), ("-007", -7), ("0" * 60 + "5", 5), ('"12"', 12), ("", NULL), ("NA", NULL),
                              ('"NA"', NULL), ("na", INT)):
            yield column, text, verdict


def booleans():
    for text, verdict in (("0", 0), ("1", 1), ("true", 1), ("false", 0), ('"true"', 1), ("TRUE", BOOLEAN), ("True", BOOLEAN),
                          ("t", BOOLEAN), ("yes", BOOLEAN), ("2", BOOLEAN), ("-1", BOOLEAN), ("01", BOOLEAN), (" 1", BOOLEAN),
                          ('""', BOOLEAN), ("", NULL), ("NA", NULL)):
        yield "flag", text, verdict


def floats():
    for column in ("single", "dbl"):
        for text in ("0", "-0", "-0.0", "1.5", "-1.5", "1e5", "1E+5", "1e-5", "0.1", "16777217", "9007199254740993", "1.17549435e-38",
                     "3.4028234e38", "1e-45", "0.30000000000000004", "2.2250738585072014e-30", "007.50", "1" + "0" * 30,
                     "123456789.123456789"):
            yield column, text, float(text)
        for text in ("NaN", "nan", "Inf", "-inf", "Infinity", "+1", ".5", "5.", "1e", "1e+", "e5", "0x1p3", "1.2.3", "1,5", " 1.5", "1.5 ",
                     "1.5f", "--1", "-", '""', "1_0", "1d5"):
            yield column, '"' + text + '"' if "," in text else text, FLOAT
        yield column, "", NULL
        yield column, "NA", NULL
        yield column, "1e400", RANGE
        yield column, "-1e400", RANGE
    for text in ("3.5e38", "-3.5e38"):
        yield "single", text, RANGE
    for text in ("4.9e-324", "2.2250738585072014e-308", "1.7976931348623157e308", "-1.7976931348623157e308", "1e22", "1.234567890123456789e20"):
        yield "dbl", text, float(text)


def decimals():
    for text, value in (("0", "0"), ("-0.00", "0"), ("1", "1"), ("1.5", "1.5"), ("1.500", "1.5"), ("1.50000000000000000000", "1.5"), ("12345678.99", "12345678.99"),
                        ("-12345678.99", "-12345678.99"), ("0.01", "0.01"), ("007", "7"), ("99999999.99", "99999999.99"), ('"1.25"', "1.25")):
        yield "amount", text, decimal.Decimal(value)
    for text, verdict in (("1.005", DECIMAL), ("0.001", DECIMAL), ("99999999.999", DECIMAL), ("100000000", RANGE), ("-100000000.00", RANGE),
                          ("1e2", DECIMAL), (".5", DECIMAL), ("5.", DECIMAL), ("+1", DECIMAL), (" 1", DECIMAL), ("1 ", DECIMAL), ("NaN", DECIMAL),
                          ('"1,50"', DECIMAL), ("--1", DECIMAL), ("-", DECIMAL), ('""', DECIMAL), ("", NULL), ("NA", NULL)):
        yield "amount", text, verdict


def dates():
    for text in ("2022-06-05", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31", "1969-12-31", "1582-10-10"):
        yield "day", text, text
    for text in ("0000-00-00", "0000-01-01", "2022-00-01", "2022-01-00", "2022-02-30", "2023-02-29", "1900-02-29", "2022-04-31", "2022-13-01", "10000-01-01",
                 "2022-6-5", "2022/06/05", "20220605", "05.06.2022", "22-06-05", "2022-06-05T00:00:00", "2022-06-05 ", " 2022-06-05", "-2022-06-05",
                 "today", '""'):
        yield "day", text, DATE
    yield "day", "", NULL
    yield "day", "NA", NULL


def moments():
    for text, value in (("2022-06-05 12:34:56", "2022-06-05 12:34:56"), ("2022-06-05T12:34:56Z", "2022-06-05 12:34:56"),
                        ("2022-06-05T12:34:56+02:00", "2022-06-05 10:34:56"), ("2022-06-05 00:10:00-00:30", "2022-06-05 00:40:00"),
                        ("2022-01-01T00:00:00+14:00", "2021-12-31 10:00:00"), ("2022-06-05 12:34:56.5", "2022-06-05 12:34:56.5"),
                        ("2022-06-05 12:34:56.123456", "2022-06-05 12:34:56.123456"), ("2022-06-05 12:34:56.000001Z", "2022-06-05 12:34:56.000001"),
                        ("1969-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999"), ("0001-01-01 00:00:00", "0001-01-01 00:00:00"),
                        ("9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999"), ("2024-02-29 23:59:59", "2024-02-29 23:59:59"),
                        ("2022-03-27 02:30:00", "2022-03-27 02:30:00"), ("1970-01-01 00:00:00", "1970-01-01 00:00:00"), ("2038-01-19 03:14:08", "2038-01-19 03:14:08")):
        yield "moment", text, value
    for text in ("2016-12-31 23:59:60", "2022-06-05 24:00:00", "2022-06-05 12:60:00", "2022-02-30 00:00:00", "0000-00-00 00:00:00", "2022-06-05",
                 "2022-06-05 12:34", "2022-06-05 12:34:56.", "2022-06-05 12:34:56.1234567", "2022-06-05 12:34:56 Z", "2022-06-05 12:34:56+2", "2022-06-05 12:34:56+02",
                 "2022-06-05 12:34:56+0200", "2022-06-05 12:34:56+15:00", "2022-06-05 12:34:56+00:60", "2022-06-05t12:34:56", "2022-06-05  12:34:56",
                 "2022-06-05 12:34:56 UTC", "1654432496", " 2022-06-05 12:34:56", "now", '""'):
        yield "moment", text, TIME
    yield "moment", "0001-01-01 00:00:00+01:00", RANGE
    yield "moment", "9999-12-31 23:59:59-01:00", RANGE
    yield "moment", "", NULL


def texts():
    both = [("plain", "plain"), ("  lead", None), ("tail   ", None), (" ", " "), ('""', ""), ('" "', " "), ("it's", "it's"), ('"a""b"', 'a"b'), ('""""', '"'),
            ('"a,b"', "a,b"), ("a\tb", "a\tb"), ("a\\b", "a\\b"), ("\\N", "\\N"), ("\\\\N", "\\\\N"), ("\\n", "\\n"), ("\\", "\\"), ('"\\"', "\\"), ("%s", "%s"),
            ("=1+1", "=1+1"), ("@x", "@x"), ("0", "0"), ("007", "007"), ("1e5", "1e5"), ("NULL", "NULL"), ("null", "null"), ("na", "na"), ("--", "--"),
            ("\x01", "\x01"), ("\x08", "\x08"), ("\x1a", "\x1a"), ("\x7f", "\x7f"), ('"a\nb"', "a\nb"), ('"a\r\nb"', "a\r\nb"), ('"\n"', "\n"), ('"a\rb"', "a\rb"),
            ("é", "é"), ("e\u0301", "e\u0301"), ("😀😀😀😀😀", None), ("ß", "ß"), ("\u2028", "\u2028"), ("\uffff", "\uffff"), ("\ufeffx", "\ufeffx"), ("\u200b", "\u200b"),
            ("\U0010ffff", "\U0010ffff"), ("שלום", "שלום"), ("\u0085", "\u0085"), ("\u00a0", "\u00a0"), ("`x`", "`x`"), ("''", "''"), ("$1", "$1"), ("&amp;", None)]
    for column in ("word", "txt"):
        for text, value in both:
            value = text if value is None else value
            yield column, text, LONG if column == "word" and len(value) > 5 else value
        for raw in (b"\xff", b"a\xc3", b"\xc0\xaf", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xe2\x82", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80",
                    b"\x80", b"caf\xe9", b"\xf0\x9f\x98"):
            yield column, raw, ENCODING
        yield column, b"a\0b", NUL
        yield column, "", NULL
        yield column, "NA", NULL
        yield column, '"NA"', NULL
        yield column, 'a"b', QUOTE
        yield column, '"a"b', QUOTE
    for text, verdict in (("abcde", "abcde"), ("abcdef", LONG), ("ab   ", "ab   "), ("ab    ", LONG), ("😀" * 6, LONG), ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f468\u200d\U0001f469\u200d\U0001f467"), ("ééééé", "ééééé"), ("éééééé", LONG)):
        yield "word", text, verdict
    yield "txt", MANY, MANY
    yield "txt", "😀" * 250000, "😀" * 250000
    yield "txt", "\\" * 500000, "\\" * 500000
    yield "txt", "x" * (1024 * 1024), "x" * (1024 * 1024)
    yield "txt", "x" * (1024 * 1024 + 1), No("CSV_FIELD_TOO_LONG", "")


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def records():
    """id, line, column, bytes of the record, verdict"""
    line, number = 2, 0
    for make in (integers, booleans, floats, decimals, dates, moments, texts):
        for column, field, verdict in make():
            number += 1
            fields = [b""] * len(COLUMNS)
            fields[COLUMNS.index(column)] = as_bytes(field)
            record = b",".join([str(number).encode()] + fields)
            yield number, line, column, record, verdict
            line += record.count(b"\n") + 1
    for record, verdict in ((b"1,2", No("CSV_RAGGED", "")), (b",".join([b"1"] * 14), No("CSV_RAGGED", "")), (b"x" + b"," * 12, No("CAST_INT", "id")),
                            (b"," * 12, No("NOT_NULL", "id")), (b'7,"open' + b"," * 11, QUOTE)):
        number += 1
        yield number, line, "", record, verdict
        line += 1


def write(path):
    with open(path, "wb") as out:
        out.write(",".join(["id"] + COLUMNS).encode() + b"\n")
        for _, _, _, record, _ in records():
            out.write(record + b"\n")


def rejects():
    for _, line, column, _, verdict in records():
        if isinstance(verdict, No):
            print(line, column if verdict.column is None else verdict.column, verdict.error)


def same(column, wanted, text):
    """Whether the client's text is the value. Texts byte by byte; of numbers and moments the value, as clients write them differently."""
    if column in ("word", "txt"):
        return text == wanted.encode()
    text = text.decode()
    if column == "single":
        return float(text) == struct.unpack("f", struct.pack("f", wanted))[0]
    if column == "dbl":
        return float(text) == wanted
    if column == "amount":
        return decimal.Decimal(text) == wanted
    if column == "moment":
        shape = "%Y-%m-%d %H:%M:%S.%f"
        full = [part if "." in part else part + ".0" for part in (text, wanted)]
        return datetime.datetime.strptime(full[0], shape) == datetime.datetime.strptime(full[1], shape)
    return text == str(wanted)


def stored(path):
    have = {}
    for row in open(path, encoding="ascii"):
        number, column, value = row.rstrip("\n").split("\t")
        have[int(number), column] = bytes.fromhex(value)
    bad = 0
    for number, _, column, record, verdict in records():
        want = {} if isinstance(verdict, No) else {"id": number}
        if want and verdict is not NULL:
            want[column] = verdict
        found = {name: have.pop((number, name)) for name in ["id"] + COLUMNS if (number, name) in have}
        if set(found) != set(want) or not all(same(name, want[name], found[name]) for name in want):
            bad += 1
            print(f"# {column} {record[:60]!r}: {({k: v[:60] for k, v in found.items()})} and not {str(want)[:100]}")
    bad += len(have)
    print("as it must be" if bad == 0 else f"# {bad} differ, {len(have)} of them nobody knows")
    return bad


if sys.argv[1] == "csv":
    write(sys.argv[2])
elif sys.argv[1] == "rejects":
    rejects()
elif sys.argv[1] == "count":
    verdicts = [verdict for *_, verdict in records()]
    print(len(verdicts), sum(not isinstance(v, No) for v in verdicts))
else:
    sys.exit(stored(sys.argv[2]) != 0)
