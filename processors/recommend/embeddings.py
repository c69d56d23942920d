"""Embeddings of channels from who watched what (implicit ALS), their neighbours by shared viewers, and a viewer's place among them."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors.recommend.arrays import Floats, Ints
from processors.recommend.audience import Audience
from processors.recommend.catalog import Catalog

if TYPE_CHECKING:  # half a second of a process's start: imported where embeddings are made
    from scipy.sparse import csr_array, csr_matrix

FACTORS = 32
REGULARISATION = 0.05
ITERATIONS = 12
CONFIDENCE = 4.0
"""What a visit adds to the confidence of 1 that an unwatched channel has (Hu, Koren, Volinsky 2008), per log(1 + visits)."""
NEIGHBOURS = 100
"""Of a channel, by shared viewers."""
RECENT = 20
"""Channels of a viewer whose neighbours count: the last ones he watched."""
SEED = 20_261


SEEDING = 2.0
"""Viewers that the prior of a channel weighs: one with few viewers lies near the mean of its game, one with none on it."""


class Embeddings:
    """Vectors of channels by their number. Made anew from time to time; a viewer's is worked out from his past at each request."""

    def __init__(self, catalog: Catalog, factors: NDArray[np.float32], of_games: NDArray[np.float32], shared: "csr_array") -> None:
        """Args:
        catalog: whose numbers are used.
        factors: vectors of the channels that were there at the fit.
        of_games: mean vectors of games by number, for channels that came later.
        shared: cosines of channels' viewers, the nearest of each.
        """
        self.factors = factors
        self._catalog = catalog
        self._of_games = of_games
        self._shared = shared
        self._gram = (factors.T @ factors).astype(np.float64) + REGULARISATION * np.eye(factors.shape[1])

    @classmethod
    def none(cls, catalog: Catalog) -> "Embeddings":
        """Those before the first fit: all zero."""
        from scipy.sparse import csr_array  # noqa: PLC0415

        return cls(catalog, np.zeros((0, FACTORS), np.float32), np.zeros((1, FACTORS), np.float32), csr_array((0, 0)))

    def of(self, channels: Ints) -> NDArray[np.float32]:
        """Vectors of channels; one that is newer than the fit has its game's."""
        known = channels < len(self.factors)
        game = self._catalog.game[channels]
        found: NDArray[np.float32] = self._of_games[np.where(game < len(self._of_games), game, 0)]
        found[known] = self.factors[channels[known]]
        return found

    def viewer(self, past: Ints, times: Floats) -> Floats:
        """A viewer's vector: the least-squares step of ALS for his row, with the channels' vectors as they are."""
        channels = self.of(past).astype(np.float64)
        if not len(channels) or not len(self.factors):
            return np.zeros(self._gram.shape[0])
        confidence = 1 + CONFIDENCE * np.log1p(times)
        left = self._gram + (channels.T * (confidence - 1)) @ channels
        solved: Floats = np.linalg.solve(left, channels.T @ confidence)
        return solved

    def scores(self, vector: Floats, channels: Ints) -> Floats:
        """Inner products with channels' vectors. Each is summed by itself: a matrix product's last bits depend on its other rows."""
        return np.asarray((self.of(channels) * vector).sum(axis=1), np.float64)

    def neighbours(self, past: Ints, times: Floats, last: Floats) -> Floats:
        """By channel number: cosines with the viewer's recent channels, summed, each weighing the logarithm of its visits."""
        found = np.zeros(len(self._catalog))
        recent = np.argsort(-last, kind="stable")[:RECENT]
        indptr, indices, data = self._shared.indptr, self._shared.indices, self._shared.data
        for channel, weight in zip(past[recent].tolist(), np.log1p(times[recent]).tolist(), strict=True):
            if channel < len(self.factors):
                of = slice(indptr[channel], indptr[channel + 1])
                found[indices[of]] += weight * data[of]
        return found


class Past(NamedTuple):
    """What was watched so far, apart from the state that goes on."""

    watched: "csr_matrix"
    """Viewers by channels, log(1 + visits); viewers in the order of their ids."""
    game: Ints
    """By channel number."""

    @classmethod
    def of(cls, audience: Audience, catalog: Catalog) -> "Past":
        """A copy."""
        from scipy.sparse import csr_matrix  # noqa: PLC0415

        ends, columns, values = [0], [np.zeros(0, np.int64)], [np.zeros(0)]
        for user_id in sorted(audience.viewers):
            past, times, _, _ = audience.viewers[user_id].past()
            columns.append(past)
            values.append(np.log1p(times))
            ends.append(ends[-1] + len(past))
        entries = (np.concatenate(values).astype(np.float32), np.concatenate(columns).astype(np.int32), np.array(ends, np.int32))
        return cls(csr_matrix(entries, shape=(len(ends) - 1, len(catalog))), catalog.game[: len(catalog)].copy())


def fit(past: Past, catalog: Catalog) -> Embeddings:
    """The embeddings of a past, for a catalogue that may have grown since. One thread and a fixed seed: the same past, the same vectors."""
    from implicit.als import AlternatingLeastSquares  # noqa: PLC0415
    from implicit.nearest_neighbours import all_pairs_knn  # noqa: PLC0415
    from scipy.sparse import csr_array, csr_matrix  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    matrix, game = past
    if not matrix.nnz:
        return Embeddings.none(catalog)
    count = len(game)
    with threadpool_limits(1, "blas"):
        als = AlternatingLeastSquares(
            factors=FACTORS, regularization=REGULARISATION, iterations=ITERATIONS, num_threads=1, random_state=SEED, use_gpu=False
        )
        als.fit(csr_matrix((matrix.data * CONFIDENCE, matrix.indices, matrix.indptr), shape=matrix.shape), show_progress=False)
        norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=0)).ravel())
        columns = matrix.astype(np.float64).tocsc()
        columns.data /= np.repeat(norms, np.diff(columns.indptr))
        near = all_pairs_knn(columns.tocsr(), NEIGHBOURS, show_progress=False, num_threads=1)
    viewers = np.bincount(matrix.indices, minlength=count).astype(np.float32)[:, None]
    of_games = np.zeros((int(game.max()) + 1, FACTORS), np.float32)
    counted = np.zeros((len(of_games), 1), np.float32)
    np.add.at(of_games, game, als.item_factors * viewers)
    np.add.at(counted, game, viewers)
    of_games /= np.maximum(counted, 1)
    factors = (als.item_factors * viewers + SEEDING * of_games[game]) / (viewers + SEEDING)
    others = near.row != near.col
    shared = csr_array((near.data[others], (near.row[others], near.col[others])), shape=(count, count))
    return Embeddings(catalog, factors.astype(np.float32), of_games, shared)
