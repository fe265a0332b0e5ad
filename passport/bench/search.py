"""Search: a page of the API beside a view written by hand, and questions in a small and a large fleet.

The fleet is made up, row by row from one seed, and stands in the search table of a database of its own. The
hand-written view runs the very statements that a question came to, with the driver alone, and dumps the rows.
"""

import random
import sqlite3
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import orjson

from passport import search
from passport.ledger import database
from passport.search.fields import FIELDS
from schemas.measure import Ratio, paired
from schemas.terms import Audience

SMALL: Final = 10_000
LARGE: Final = 1_000_000
_SEED: Final = 952
_CHUNK: Final = 10_000
_ROUNDS: Final = 40
_MODELS: Final = (
    ("EX-5", "Li-ion LFP", 100_000, 51_200),
    ("EX-10", "Li-ion LFP", 200_000, 51_200),
    ("EX-75", "Li-ion NMC", 200_000, 375_000),
    ("EX-40", "Li-ion LMO", 110_000, 360_000),
    ("EX-1", "Li-ion NCA", 20_000, 48_000),
)
_METALS: Final = {"Li-ion LFP": (0, 0, 88), "Li-ion NMC": (561, 188, 111), "Li-ion NCA": (687, 129, 101)}
_COUNTRIES: Final = ("BE", "DE", "ES", "FR", "IT", "NL", "PL", "SE")
_USES: Final = ("backup", "backup home_storage", "backup home_storage peak_shaving", None)

# Three filters and a sort, as recyclers ask; numbers are drawn anew in each round.
QUESTIONS: Final[tuple[tuple[tuple[str, str], ...], ...]] = (
    (("chemistry", "LFP"), ("health_min", "{75-85}"), ("use", "home_storage"), ("order", "-remaining_years")),
    (("category", "stationary"), ("rated_energy_min", "{2-8}"), ("grade", "B"), ("order", "-value")),
    (("health_low_min", "{70-90}"), ("remaining_years_min", "{3-9}"), ("region", "DE"), ("order", "-health")),
    (("nickel_min", "{20-40}"), ("cobalt_min", "{2-9}"), ("verdict", "not_eligible"), ("order", "-nickel")),
    (("model", "EX-10"), ("full_cycles_max", "{200-900}"), ("calibrated", "yes"), ("order", "full_cycles")),
    (
        ("offered_since_min", "2026-11-01"),
        ("chemistry", "NMC"),
        ("value_max", "{500-2000}"),
        ("order", "value"),
    ),
    (("manufacturer", "Example 7"), ("score_min", "{40-80}"), ("use", "backup"), ("order", "-score")),
    (("health_min", "99"), ("health_max", "99.{1-8}"), ("chemistry", "LMO"), ("order", "mass")),
)


def run(house: Any, folder: Path) -> Iterator[Ratio]:
    """The application beside a view, and questions among ten thousand."""
    engine = filled(folder / "small", SMALL)
    try:
        yield _beside_a_view(house, folder / "small", engine)
        yield _slowest(_times(engine, house.now().date()), SMALL)
    finally:
        engine.dispose()


def among_a_million(house: Any, folder: Path) -> Iterator[Ratio]:
    """The same questions in both fleets; the large one takes minutes to make."""
    today, found = house.now().date(), {}
    for count in (SMALL, LARGE):
        engine = filled(folder / str(count), count)
        try:
            found[count] = _times(engine, today)
        finally:
            engine.dispose()
    yield _slowest(found[LARGE], LARGE)
    yield Ratio(
        f"a question among {LARGE:,} batteries",
        _middle(found[LARGE]) * 1000,
        _middle(found[SMALL]) * 1000,
        "ms",
        3.0,
        at_most=True,
        against=f"the same among {SMALL:,}",
        note="middle of eight questions with three filters and a sort",
    )
    for place, question in enumerate(QUESTIONS):
        few, many = (_middle(found[count][place :: len(QUESTIONS)]) * 1000 for count in (SMALL, LARGE))
        yield Ratio(
            " ".join("=".join(pair) for pair in question),
            many,
            few,
            "ms",
            None,
            at_most=True,
            against=f"the same among {SMALL:,}",
        )


def filled(folder: Path, count: int) -> Any:
    """A database with so many rows of search; each row follows from its number and one seed."""
    folder.mkdir(parents=True)
    engine = database.open_database(folder)
    database.upgrade(engine)
    chance = random.Random(_SEED)  # noqa: S311 - figures of a benchmark
    for start in range(0, count, _CHUNK):
        with database.writing(engine) as connection:
            search.write(
                connection, [_row(number, chance) for number in range(start, min(start + _CHUNK, count))]
            )
    return engine


def _row(number: int, chance: random.Random) -> dict[str, Any]:
    model, chemistry, capacity, voltage = _MODELS[int(len(_MODELS) * chance.random() ** 2)]
    energy = capacity * voltage // 1_000_000
    health = min(1000, max(400, int(chance.gauss(850, 90))))
    years = max(0, int((health - 600) / 4 + chance.gauss(0, 15)))
    metals: list[int | None] = [share * energy // 1000 for share in _METALS.get(chemistry, ())]
    metals = metals or [None] * 3
    offered = chance.random() < 0.02
    name = f"{number:016d}"
    return {
        "battery": name,
        "passport_id": name,
        "identifier": f"/01/09520000001234/21/{name}",
        "operator": f"operator-{chance.randrange(40)}",
        "category": chance.choice(("stationary", "stationary", "ev", "lmt", "industrial")),
        "simulated": 1,
        "chemistry": chemistry,
        "manufacturer": f"Example {chance.randrange(30)}",
        "model": model,
        "rated_energy": energy,
        "rated_capacity": capacity,
        "nominal_voltage": voltage,
        "mass": energy * 7 + chance.randrange(500),
        "battery_status": chance.choice(("original", "original", "re-used", "waste")),
        "state_of_charge": chance.randrange(1001),
        "full_cycles": chance.randrange(300_000),
        "temperature": chance.randrange(50, 350),
        "condition_at": "2026-11-20T12:00:00Z",
        "verdict": "not_eligible" if chance.random() < 0.1 else "needs_inspection",
        "inspect": '["casing"]',
        "region": chance.choice(_COUNTRIES),
        "contact": "desk@example.org",
        **dict(zip(("nickel", "cobalt", "lithium"), metals, strict=True)),
        "metals_from": "computed",
        "health": health,
        "health_low": health - chance.randrange(10, 60),
        "calibrated": chance.choice(("yes", "no")),
        "grade": "ABCD"[min(3, (1000 - health) // 100)],
        "score": max(0, health - chance.randrange(200)),
        "use": None if health < 600 else chance.choice(_USES),
        "remaining_years": years,
        "value": energy * health * chance.randrange(2, 6) // 100,
        "offered_since": 739_948 - chance.randrange(60) if offered else None,
        "offered_until": 800_000 if offered else None,
        "offer": '{"since":"2026-11-01","until":"2027-01-30","price":null,"contact":null}'
        if offered
        else None,
    }


class _Interest:
    """A reader who may read all that search knows of persons with a legitimate interest."""

    audience = Audience.LEGITIMATE_INTEREST
    operator: str | None = None
    battery: str | None = None

    def covers(self, *, operator: str, battery: str) -> bool:
        """Every battery."""
        del operator, battery
        return True


def _times(engine: Any, today: Any) -> list[float]:
    """Seconds of each question in each round."""
    chance = random.Random(_SEED)  # noqa: S311 - figures of a benchmark
    found = []
    with database.reading(engine) as connection:
        for round_number in range(_ROUNDS + 1):
            for question in QUESTIONS:
                asked = search.parse([(name, _drawn(text, chance)) for name, text in question])
                started = perf_counter()
                search.query(connection, asked, _Interest(), today=today)
                if round_number:  # the first warms up
                    found.append(perf_counter() - started)
    return found


def _drawn(text: str, chance: random.Random) -> str:
    head, brace, rest = text.partition("{")
    if not brace:
        return text
    low, high = rest.rstrip("}").split("-")
    return f"{head}{chance.randint(int(low), int(high))}"


def _middle(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]


def _slowest(times: list[float], count: int) -> Ratio:
    ordered = sorted(times)
    return Ratio(
        f"slowest question of a hundred among {count:,} batteries",
        ordered[int(len(ordered) * 0.99)] * 1000,
        None,
        "ms",
        100.0,
        at_most=True,
        against="absolute bar: three filters and a sort, with rights, one page of 30",
        note=f"{len(ordered)} questions, the middle one {_middle(times) * 1000:.1f} ms",
    )


def _beside_a_view(house: Any, folder: Path, engine: Any) -> Ratio:
    """Answers of the whole application beside a Flask view with the same statements."""
    from passport.web import WebContext, create_flask

    context = WebContext(engine, house.settings, house.now, None, None)
    ours = create_flask(context).wsgi_app
    address = "chemistry=LFP&rated_energy_min=5&region=DE&order=-rated_energy"
    statements = _statements(engine, lambda: _get(ours, "/api/batteries", address))
    theirs = _view(folder / database.FILE_NAME, statements)
    pair = paired(
        lambda: [_get(ours, "/api/batteries", address) for _ in range(200)],
        lambda: [_get(theirs, "/", address) for _ in range(200)],
    )
    mine, other = pair.middle
    return Ratio(
        "a page of search by the API",
        200 / mine,
        200 / other,
        "pages/s",
        0.85,
        at_most=False,
        against="a Flask view written by hand, the same statements with the driver alone, the same JSON",
        note=f"{len(statements)} statements, 30 rows of {len(FIELDS)} fields, without a server",
        spread=pair.spread(),
    )


def _statements(engine: Any, call: Callable[[], object]) -> list[tuple[str, tuple[Any, ...]]]:
    from sqlalchemy import event

    found: list[tuple[str, tuple[Any, ...]]] = []

    def heard(_c: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: Any) -> None:
        found.append((statement, tuple(values)))

    event.listen(engine, "before_cursor_execute", heard)
    try:
        call()
    finally:
        event.remove(engine, "before_cursor_execute", heard)
    return [one for one in found if "battery_search" in one[0]]


def _view(file: Path, statements: list[tuple[str, tuple[Any, ...]]]) -> Any:
    from flask import Flask, Response, request

    app = Flask("by-hand")
    names = list(FIELDS)
    public = {name for name, field in FIELDS.items() if search.readable(field, Audience.PUBLIC)}

    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)

    @app.get("/")
    def find() -> Response:
        if request.args.get("chemistry") != "LFP":
            return Response("chemistry is not known", 400)
        for statement, values in statements:
            rows = connection.execute(statement, values).fetchall()
            if rows and len(rows[0]) > len(names):
                told = rows
        batteries = []
        for row in told[:30]:
            fields = {}
            for place, name in enumerate(names, start=len(row) - len(names)):
                field, value = FIELDS[name], row[place]
                if name not in public:
                    fields[name] = {"absent": "restricted"}
                elif value is None:
                    fields[name] = {"absent": "not_provided"}
                else:
                    text = f"{value / field.scale:g}" if field.scale else value
                    fields[name] = {"value": text, "unit": field.unit} if field.unit else {"value": text}
            batteries.append(
                {"passport_id": row[1], "identifier": row[2], "operator": row[3], "fields": fields}
            )
        return Response(orjson.dumps({"batteries": batteries, "cursor": None}), mimetype="application/json")

    return app.wsgi_app


def _get(application: Any, path: str, query: str) -> bytes:
    answered: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    body = b"".join(application(environ, lambda status, _headers, _info=None: answered.append(status)))
    if not answered[0].startswith("200"):
        raise RuntimeError(f"{path} answered {answered[0]}: {body[:200]!r}")
    return body
