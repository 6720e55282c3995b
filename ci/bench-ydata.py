"""ydata-profiling's minimal report of a file as HTML: `bench-ydata.py FILE OUT`."""
import sys

import pandas
from ydata_profiling import ProfileReport

frame = pandas.read_csv(sys.argv[1], index_col=0)
ProfileReport(frame, minimal=True, progress_bar=False).to_file(sys.argv[2], silent=True)
