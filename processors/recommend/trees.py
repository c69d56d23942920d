"""The heavy ranker's trees, judged by LightGBM's C library. Its Python package costs seconds of processor time to import, for it looks
for pandas and scikit-learn: training has it, serving has not.
"""

import ctypes
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from processors.recommend.arrays import Floats

FLOAT64, BY_ROWS, ALL_TREES = 1, 1, -1
"""C_API_DTYPE_FLOAT64, `is_row_major`, `num_iteration` of LightGBM's c_api.h."""
RAW, CONTRIBUTIONS = 1, 3
"""C_API_PREDICT_RAW_SCORE and C_API_PREDICT_CONTRIB: log odds, and their parts by feature with the average behind them."""
ONE_THREAD = b"num_threads=1 verbosity=-1"


class TreesError(Exception):
    """The trees cannot be used. Operator action: `uv sync` where LightGBM is missing, else restore processors/recommend/model.bin."""


def _library() -> ctypes.CDLL:
    found = find_spec("lightgbm")
    paths = sorted(Path(found.origin).parent.glob("lib/lib_lightgbm.*")) if found is not None and found.origin else []
    if not paths:
        raise TreesError(f"LightGBM is not installed: {TreesError.__doc__}")
    library = ctypes.CDLL(str(paths[0]))
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    return library


LIBRARY = _library()
"""Loaded at the import, which has to come before usearch's: where that came first, LightGBM writes numbers wrongly."""


class Trees:
    """A model in LightGBM's text form."""

    def __init__(self, text: str, columns: int) -> None:
        """`columns` of the tables that it judges.

        Raises:
            TreesError: the text is no model, or LightGBM is missing.
        """
        self._columns = columns
        self._booster = ctypes.c_void_p()
        rounds = ctypes.c_int()
        _done(LIBRARY.LGBM_BoosterLoadModelFromString(text.encode(), ctypes.byref(rounds), ctypes.byref(self._booster)))

    def __del__(self) -> None:
        if self._booster:
            LIBRARY.LGBM_BoosterFree(self._booster)

    def log_odds(self, table: Floats) -> Floats:
        """Of each row."""
        return self._judged(table, RAW, 1)[:, 0]

    def contributions(self, table: Floats) -> Floats:
        """What each column adds to the log odds of each row, by TreeSHAP, beside an average row."""
        return self._judged(table, CONTRIBUTIONS, self._columns + 1)[:, :-1]

    def _judged(self, table: Floats, kind: int, width: int) -> Floats:
        rows = np.ascontiguousarray(table, np.float64)
        if rows.ndim != 2 or rows.shape[1] != self._columns:
            raise TreesError(f"a table of shape {rows.shape}, not of {self._columns} columns: {TreesError.__doc__}")
        found = np.zeros((len(rows), width))
        if not len(rows):
            return found
        written = ctypes.c_int64()
        _done(
            LIBRARY.LGBM_BoosterPredictForMat(
                self._booster,
                rows.ctypes.data_as(ctypes.c_void_p),
                FLOAT64,
                ctypes.c_int32(len(rows)),
                ctypes.c_int32(self._columns),
                BY_ROWS,
                kind,
                0,
                ALL_TREES,
                ONE_THREAD,
                ctypes.byref(written),
                found.ctypes.data_as(ctypes.c_void_p),
            )
        )
        return found


def _done(code: int) -> None:
    if code:
        raise TreesError(f"{LIBRARY.LGBM_GetLastError().decode(errors='replace')}: {TreesError.__doc__}")
