"""What a person does by hand in a notebook, as one program: read the file, then describe(), NULLs, the values of each
column and their counts, correlations. `bench-pandas.py FILE`; prints a checksum, so that nothing is left out."""
import sys

import pandas

frame = pandas.read_csv(sys.argv[1], index_col=0)
described = frame.describe()
nulls = frame.isna().sum()
counts = {name: frame[name].value_counts() for name in frame.columns}
correlations = frame.corr()
print(len(frame), described.loc["mean"].sum(), nulls.sum(), sum(len(c) for c in counts.values()), correlations.sum().sum())
