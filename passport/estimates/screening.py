"""Screening: capacity of retired cells from a few short pulses, by a model that its user trains.

A model is ridge regression on six numbers of a row (`pulses.FEATURES`), straight or with their products. It
is trained on cells of one type whose capacity was measured, and says nothing of another type: the type's
name, rated capacity and length of pulse must be the model's, and each number must lie where training had
cells, the rested voltage at its charge too. What it learned stays with its owner; the artefact is JSON and
carries the digest of itself.

The error it states is that of cells left out of training, one after the other, where the others' model gave
an answer. The interval comes from the same errors, one for each cell (`soh.pulses.v1`): a cell with many rows
weighs no more than one with few.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from passport.errors import FormatRefused, InputRefused
from passport.estimates.pulses import FEATURES, Pulses, features
from schemas.samples import Bool

METHOD: Final = "soh.pulses.v1"
KIND: Final = "cellpass pulse screening"
LEVEL: Final = 0.9
FEWEST_CELLS: Final = 9  # below, no interval of nine in ten is finite
MARGIN: Final = 0.1  # of the span of training, beyond its ends
WARMEST_DIFFERENCE: Final = 3.0  # K
_DEGREES: Final = (1, 2)
_PENALTIES: Final = (1e-4, 1e-3, 1e-2)
_FOLDS: Final = 5
_BAND: Final = 5  # per cent of charge
_DIGITS: Final = 10  # what a library's order of summing may change lies beyond

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Screened:
    """One cell's answer.

    Attributes:
        battery: its name.
        value, low, high: capacity, per cent of the rated one; None where no row could be used.
        rows: how many rows the answer rests on.
        resistance_mohm: median over its rows, at 1 C over the length of a pulse.
        refused: why rows were not used: a sentence for each.
    """

    battery: str
    value: float | None
    low: float | None
    high: float | None
    rows: int
    resistance_mohm: float
    refused: tuple[str, ...] = ()

    def to_wire(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "battery": self.battery,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "unit": "%",
            "level": LEVEL,
            "method": METHOD,
            "rows": self.rows,
            "resistance_mohm": self.resistance_mohm,
            "refused": list(self.refused),
        }


@dataclass(frozen=True)
class _Known:
    """Where training had cells.

    Attributes:
        lowest, highest: of each number.
        rested: lowest and highest rested voltage by band of charge (`_BAND` wide, by its middle): charge and
            voltage together tell one type from another.
    """

    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    rested: Mapping[int, tuple[float, float]]

    @classmethod
    def of(cls, numbers: _Floats) -> "_Known":
        """Of the rows of training."""
        rested: dict[int, tuple[float, float]] = {}
        for charge, voltage, *_ in numbers.tolist():
            low, high = rested.get(_band(charge), (voltage, voltage))
            rested[_band(charge)] = (min(low, voltage), max(high, voltage))
        return cls(tuple(_rounded(numbers.min(axis=0))), tuple(_rounded(numbers.max(axis=0))), rested)

    def outside(self, numbers: Sequence[float]) -> str | None:
        """Why nothing can be said of a row; None where something can."""
        for name, value, low, high in zip(FEATURES, numbers, self.lowest, self.highest, strict=True):
            if not _near(value, low, high):
                return f"{name} is {value:.4g}; training had {low:.4g} to {high:.4g}"
        charge, voltage = numbers[0], numbers[1]
        span = self.rested.get(_band(charge))
        if span is None:
            return f"training had no cell near {charge:.4g} % of charge"
        if not _near(voltage, *span):
            return (
                f"rested at {voltage:.4g} V; training had {span[0]:.4g} to {span[1]:.4g} near {charge:.4g} %"
            )
        return None


def _band(charge: float) -> int:
    return round(charge / _BAND) * _BAND


def _near(value: float, low: float, high: float) -> bool:
    beyond = MARGIN * (high - low) + 1e-9
    return low - beyond <= value <= high + beyond


@dataclass(frozen=True)
class _Fit:
    """What a regression learned; predictions are per cent of the rated capacity."""

    degree: int
    penalty: float
    mean: _Floats
    scale: _Floats
    intercept: float
    weights: _Floats

    def predict(self, numbers: _Floats) -> _Floats:
        """One prediction for each row of numbers."""
        found: _Floats = _terms((numbers - self.mean) / self.scale, self.degree) @ self.weights
        return found + self.intercept


def train(rows: Sequence[Pulses], *, cell: str, owner: str, made: date, temperature: float) -> dict[str, Any]:
    """The artefact that rows of measured cells give.

    Args:
        rows: of one cell type; the order does not matter.
        cell: name of the type, as its maker writes it.
        owner: who may use what was learned.
        made: day of training.
        temperature: at which the pulses were made, degrees Celsius.

    Raises:
        InputRefused: fewer than nine cells, cells of several types, or a cell without its capacity.
    """
    rows = sorted(rows, key=lambda row: (row.battery, row.charge, row.voltages))
    _same_type(rows, temperature)
    cells = sorted({row.battery for row in rows})
    if len(cells) < FEWEST_CELLS:
        raise InputRefused(f"expected at least {FEWEST_CELLS} measured cells to learn from, got {len(cells)}")
    owners = np.array([cells.index(row.battery) for row in rows])
    numbers = np.array([features(row) for row in rows], np.float64)
    truth = np.array([_percent(row) for row in rows], np.float64)
    fit = _chosen(numbers, truth, owners)
    known = _Known.of(numbers)
    errors, answered = _left_out(numbers, truth, owners)
    scored = [at for at in range(len(cells)) if answered[owners == at].any()]
    if len(scored) < FEWEST_CELLS:
        raise InputRefused(
            f"the cells are too unlike: left out one by one, only {len(scored)} of {len(cells)} lay where the"
            f" others were; expected at least {FEWEST_CELLS}"
        )
    averages = np.array([abs(float(np.mean(errors[answered & (owners == at)]))) for at in scored])
    # One row of each cell, drawn by its name: a cell's worst row would widen, all rows would count it often.
    singles = np.array([abs(float(errors[_drawn(answered & (owners == at), cells[at])])) for at in scored])
    mean = [float(np.mean(truth[owners != at])) - float(truth[owners == at][0]) for at in range(len(cells))]
    all_rows = _quantile(averages)
    document: dict[str, Any] = {
        "kind": KIND,
        "version": 1,
        "method": METHOD,
        "owner": owner,
        "made": made.isoformat(),
        "cell": cell,
        "rated_capacity_ah": rows[0].rated_ah,
        "pulse_s": rows[0].pulse_s,
        "temperature_c": temperature,
        "features": list(FEATURES),
        "lowest": list(known.lowest),
        "highest": list(known.highest),
        "rested": [[band, *span] for band, span in sorted(known.rested.items())],
        "degree": fit.degree,
        "penalty": fit.penalty,
        "mean": _rounded(fit.mean),
        "scale": _rounded(fit.scale),
        "intercept": _rounded(np.array([fit.intercept]))[0],
        "weights": _rounded(fit.weights),
        "trained_on": {
            "cells": len(cells),
            "rows": len(rows),
            "lowest_percent": round(float(truth.min()), 2),
            "highest_percent": round(float(truth.max()), 2),
            "data_sha256": _digest([_told(row) for row in rows]),
        },
        "left_out_one_by_one": {
            "answered": len(scored),
            "refused": len(cells) - len(scored),
            "mean_absolute_error": round(float(np.mean(averages)), 2),
            "median_absolute_error": round(float(np.median(averages)), 2),
            "mean_absolute_error_of_one_row": round(float(np.mean(np.abs(errors[answered]))), 2),
            "predicting_the_mean": round(float(np.mean(np.abs(mean))), 2),
        },
        "interval": {
            "level": LEVEL,
            "all_rows": round(all_rows, 2),
            "one_row": round(max(_quantile(singles), all_rows), 2),
            "rows": int(np.median(np.bincount(owners))),
        },
    }
    return {**document, "sha256": _digest(document)}


def _same_type(rows: Sequence[Pulses], temperature: float) -> None:
    for row in rows:
        if row.measured_ah is None:
            raise InputRefused(f"line {row.line}: measured_capacity_ah is what is learned; it is not there")
        if (row.rated_ah, row.pulse_s) != (rows[0].rated_ah, rows[0].pulse_s):
            raise InputRefused(
                f"line {row.line}: expected one type of cell ({rows[0].rated_ah:g} Ah, {rows[0].pulse_s:g} s"
                f" pulses), got {row.rated_ah:g} Ah and {row.pulse_s:g} s"
            )
        if row.temperature is not None and abs(row.temperature - temperature) > WARMEST_DIFFERENCE:
            raise InputRefused(f"line {row.line}: pulsed at {row.temperature:g} degC, not {temperature:g}")


def _percent(row: Pulses) -> float:
    assert row.measured_ah is not None
    return 100 * row.measured_ah / row.rated_ah


def _told(row: Pulses) -> list[Any]:
    return [row.battery, row.rated_ah, row.pulse_s, row.charge, row.voltages, row.measured_ah]


# ---------------------------------------------------------------------------------------- regression


def _terms(standard: _Floats, degree: int) -> _Floats:
    """The numbers, and for degree 2 their products too."""
    if degree == 1:
        return standard
    count = standard.shape[1]
    products = [standard[:, one] * standard[:, other] for one in range(count) for other in range(one, count)]
    return np.column_stack([standard, *products])


def _fit(numbers: _Floats, truth: _Floats, degree: int, penalty: float) -> _Fit:
    """Ridge regression on standardised terms; the intercept is not shrunk."""
    mean, scale = numbers.mean(axis=0), numbers.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    terms = _terms((numbers - mean) / scale, degree)
    centre, spread = terms.mean(axis=0), terms.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    columns = (terms - centre) / spread
    level = float(truth.mean())
    normal = columns.T @ columns + penalty * len(truth) * np.eye(columns.shape[1])
    weights = np.linalg.solve(normal, columns.T @ (truth - level)) / spread
    return _Fit(degree, penalty, mean, scale, level - float(centre @ weights), weights)


def _chosen(numbers: _Floats, truth: _Floats, owners: NDArray[np.int64]) -> _Fit:
    """The degree and penalty that err least on cells left out, five parts of them in turn."""
    present = np.unique(owners)
    best: tuple[float, int, float] | None = None
    for degree in _DEGREES:
        for penalty in _PENALTIES:
            errors: list[float] = []
            for fold in range(min(_FOLDS, len(present))):
                some = present[fold::_FOLDS]
                out = np.isin(owners, some)
                error = _fit(numbers[~out], truth[~out], degree, penalty).predict(numbers[out]) - truth[out]
                errors += [abs(float(np.mean(error[owners[out] == at]))) for at in some]
            score = round(float(np.mean(errors)), 6)
            if best is None or score < best[0]:
                best = (score, degree, penalty)
    assert best is not None
    return _fit(numbers, truth, best[1], best[2])


def _left_out(numbers: _Floats, truth: _Floats, owners: NDArray[np.int64]) -> tuple[_Floats, Bool]:
    """Error of each row by a model chosen and trained without its cell; whether that one answered."""
    errors = np.empty_like(truth)
    answered = np.empty(len(truth), np.bool_)
    for at in np.unique(owners):
        out = owners == at
        fit = _chosen(numbers[~out], truth[~out], owners[~out])
        errors[out] = fit.predict(numbers[out]) - truth[out]
        known = _Known.of(numbers[~out])
        within = np.array([known.outside(row) is None for row in numbers[out].tolist()])
        answered[out] = within & (2 * within.sum() >= len(within))
    return errors, answered


def _drawn(own: Bool, name: str) -> int:
    places = np.flatnonzero(own)
    draw = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return int(places[draw % len(places)])


def _quantile(scores: _Floats) -> float:
    """The score that nine in ten cells stay within, with the correction for their number."""
    rank = ceil((len(scores) + 1) * LEVEL)
    return float(np.sort(scores)[rank - 1])


def _rounded(values: _Floats) -> list[float]:
    return [float(f"{value:.{_DIGITS}g}") for value in values.tolist()]


def _digest(document: Any) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


# ---------------------------------------------------------------------------------------- a trained model


@dataclass(frozen=True)
class Model:
    """A trained artefact that was found whole."""

    document: Mapping[str, Any]
    fit: _Fit
    known: _Known

    @property
    def sha256(self) -> str:
        """Digest of the artefact."""
        return str(self.document["sha256"])

    @property
    def method(self) -> str:
        """Method id with the digest's first digits, so that a figure names the model it came from."""
        return f"{METHOD}:{self.sha256[:16]}"


def load(data: bytes) -> Model:
    """The model in an artefact.

    Raises:
        FormatRefused: no artefact of this kind and version, or its digest is not that of its content.
    """
    try:
        document = json.loads(data)
        if not isinstance(document, dict) or (document.get("kind"), document.get("version")) != (KIND, 1):
            raise FormatRefused(f"expected a model of `{KIND}`, version 1 (cellpass screen train makes one)")
        claimed = document.get("sha256")
        rest = {name: value for name, value in document.items() if name != "sha256"}
        if _digest(rest) != claimed:
            raise FormatRefused("the model is not what was trained: its digest differs from its content")
        if document["features"] != list(FEATURES):
            raise FormatRefused("the model was trained on other numbers than this version takes from pulses")
        fit = _Fit(
            int(document["degree"]),
            float(document["penalty"]),
            np.array(document["mean"], np.float64),
            np.array(document["scale"], np.float64),
            float(document["intercept"]),
            np.array(document["weights"], np.float64),
        )
        count = len(FEATURES)
        terms = count if fit.degree == 1 else count + count * (count + 1) // 2
        known = _Known(
            tuple(map(float, document["lowest"])),
            tuple(map(float, document["highest"])),
            {int(band): (float(low), float(high)) for band, low, high in document["rested"]},
        )
        counts = {len(fit.mean), len(fit.scale), len(known.lowest), len(known.highest)}
        if counts != {count} or len(fit.weights) != terms:
            raise FormatRefused("the model's numbers are not as many as its features ask for")
    except (ValueError, KeyError, TypeError) as error:
        raise FormatRefused(f"expected a model in JSON: {error}") from error
    return Model(document, fit, known)


def screen(model: Model, rows: Sequence[Pulses], *, cell: str) -> list[Screened]:
    """An answer for each cell, in the order in which they first come.

    Raises:
        InputRefused: the cells are not of the model's type.
    """
    known = model.document
    if cell != known["cell"]:
        raise InputRefused(
            f"the model is of {known['cell']!r} and says nothing of {cell!r}; train one for it"
        )
    for row in rows:
        if (row.rated_ah, row.pulse_s) != (known["rated_capacity_ah"], known["pulse_s"]):
            raise InputRefused(
                f"line {row.line}: the model is of {known['rated_capacity_ah']:g} Ah and"
                f" {known['pulse_s']:g} s pulses, not of {row.rated_ah:g} Ah and {row.pulse_s:g} s"
            )
    by_battery: dict[str, list[Pulses]] = {}
    for row in rows:
        by_battery.setdefault(row.battery, []).append(row)
    return [_answer(model, battery, own) for battery, own in by_battery.items()]


def _answer(model: Model, battery: str, rows: list[Pulses]) -> Screened:
    refused: list[str] = []
    usable: list[tuple[float, ...]] = []
    for row in rows:
        numbers = features(row)
        reason = _outside(model, row, numbers)
        if reason is None:
            usable.append(numbers)
        else:
            refused.append(f"line {row.line}: {reason}")
    resistance = round(float(np.median([row.resistance_mohm for row in rows])), 3)
    if len(usable) < len(refused):
        refused.append("most of the cell's rows lie outside of training: it is like no cell in it")
        usable = []
    if not usable:
        return Screened(battery, None, None, None, 0, resistance, tuple(refused))
    predicted = model.fit.predict(np.array(usable, np.float64))
    value = round(float(np.mean(predicted)), 1)
    interval = model.document["interval"]
    width = float(interval["all_rows"] if len(usable) >= int(interval["rows"]) else interval["one_row"])
    low, high = max(0.0, round(value - width, 1)), round(value + width, 1)
    return Screened(battery, value, low, high, len(usable), resistance, tuple(refused))


def _outside(model: Model, row: Pulses, numbers: tuple[float, ...]) -> str | None:
    """Why the model says nothing of this row; None where it does."""
    warm = float(model.document["temperature_c"])
    if row.temperature is not None and abs(row.temperature - warm) > WARMEST_DIFFERENCE:
        return f"pulsed at {row.temperature:g} degC; the model knows {warm:g} degC"
    return model.known.outside(numbers)
