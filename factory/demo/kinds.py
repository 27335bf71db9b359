"""The kinds of machine in the demo plant: what they measure, their limits, and what befalls them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Signal:
    """One metric: its level when stopped, running empty and under full load, and how it gets there."""

    metric: str
    off: float
    idle: float
    full: float
    noise: float
    lag: float = 0.0  # seconds in which it covers 63 % of the way to a new level
    digits: int = 1


@dataclass(frozen=True, slots=True)
class Limits:
    """Outside min..max is critical, outside the warning band a warning."""

    min_value: float | None = None
    warning_min: float | None = None
    warning_max: float | None = None
    max_value: float | None = None
    hysteresis: float = 0.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """What can go wrong: the metric that shows it, up or down, and whether a repair stops the machine."""

    name: str
    metric: str
    falls: bool = False
    stops: bool = False


@dataclass(frozen=True, slots=True)
class Making:
    """How a machine makes pieces: what one takes at best, and which metric above which level tells that it runs."""

    cycle_seconds: float
    metric: str
    above: float = 0.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of machine. `pauses`: it works by the shifts and stands otherwise, as people and orders come and go.

    One that makes pieces counts them, and its rejects. `counts_energy`: it has a counter of kWh beside its power.
    """

    key: str
    name: str
    type: str
    zone: str  # "Hall" stands for one of the halls
    signals: tuple[Signal, ...]
    limits: Mapping[str, Limits]
    troubles: tuple[Trouble, ...] = ()
    pauses: bool = True
    makes: Making | None = None
    counts_energy: bool = False
    shares: tuple[float, float] = (0.8, 1.0)  # of the plant's load that one of them bears
    sway: float = 1.0  # how far its load goes up and down by itself
    firmware: tuple[str, ...] = ("1.0.0",)
    tags: tuple[str, ...] = ()
    makers: tuple[str, ...] = ("Nordwerk",)


OVERHEATING = Trouble("overheating", "temperature")
COOLING_DOWN = Trouble("burner weak", "temperature", falls=True)
BEARING_WEAR = Trouble("bearing wear", "vibration", stops=True)
PRESSURE_LEAK = Trouble("pressure leak", "pressure", falls=True)
DOOR_OPEN = Trouble("door left open", "humidity")

PARTS, REJECTS, ENERGY, RUNNING = "parts", "rejects", "energy", "running"


def _vibration(*, idle: float, full: float) -> Signal:
    return Signal("vibration", 0.05, idle, full, noise=0.06, lag=3, digits=2)


VIBRATION = Limits(warning_max=4.5, max_value=7.1, hysteresis=0.4)

ALL = (
    Kind(
        "press", "Press", "controller", "Hall",
        (
            Signal("temperature", 24, 38, 55, noise=0.2, lag=240),
            _vibration(idle=1.4, full=2.6),
            Signal("power", 350, 4_000, 18_500, noise=220, lag=2, digits=0),
            Signal("pressure", 4, 140, 185, noise=1.5, lag=2),
        ),
        {
            "temperature": Limits(warning_max=68, max_value=78, hysteresis=2),
            "vibration": VIBRATION,
        },
        (OVERHEATING, BEARING_WEAR),
        makes=Making(8, "power", above=2_000),
        firmware=("4.2.1", "4.2.0", "4.1.7"),
        tags=("hydraulic",),
        makers=("Hartmann", "Presswerk Süd"),
    ),
    Kind(
        "furnace", "Furnace", "controller", "Hall",
        (
            Signal("temperature", 815, 825, 838, noise=0.8, lag=300),
            Signal("power", 12_000, 44_000, 78_000, noise=900, lag=5, digits=0),
        ),
        {"temperature": Limits(780, 795, 862, 880, hysteresis=4)},
        (OVERHEATING, COOLING_DOWN),
        pauses=False,
        counts_energy=True,
        firmware=("2.8.0", "2.7.3"),
        tags=("critical", "hot"),
        makers=("Ofenbau Keller",),
    ),
    Kind(
        "mill", "CNC mill", "controller", "Hall",
        (
            Signal("temperature", 23, 34, 47, noise=0.2, lag=200),
            _vibration(idle=0.9, full=2.1),
            Signal("power", 180, 2_100, 9_400, noise=150, lag=2, digits=0),
            Signal("rpm", 0, 3_000, 11_800, noise=40, lag=4, digits=0),
        ),
        {
            "temperature": Limits(warning_max=60, max_value=70, hysteresis=2),
            "vibration": VIBRATION,
        },
        (BEARING_WEAR, OVERHEATING),
        makes=Making(90, "power", above=1_000),
        firmware=("6.0.3", "6.0.2", "5.9.9"),
        tags=("spindle",),
        makers=("Vectra", "Hartmann"),
    ),
    Kind(
        "robot", "Robot", "actuator", "Hall",
        (
            Signal("temperature", 24, 33, 44, noise=0.2, lag=180),
            _vibration(idle=0.5, full=1.3),
            Signal("power", 120, 650, 3_200, noise=60, lag=1, digits=0),
        ),
        {"temperature": Limits(warning_max=58, max_value=66, hysteresis=2)},
        (OVERHEATING,),
        makes=Making(24, RUNNING),
        firmware=("3.1.4", "3.1.2"),
        tags=("welding",),
        makers=("Armatec",),
    ),
    Kind(
        "conveyor", "Conveyor", "actuator", "Packing",
        (
            Signal("temperature", 23, 31, 42, noise=0.2, lag=240),
            _vibration(idle=0.8, full=1.6),
            Signal("power", 60, 900, 2_400, noise=40, lag=2, digits=0),
            Signal("rpm", 0, 380, 620, noise=4, lag=3, digits=0),
        ),
        {
            "temperature": Limits(warning_max=55, max_value=65, hysteresis=2),
            "vibration": VIBRATION,
        },
        (BEARING_WEAR,),
        firmware=("1.6.0", "1.5.8"),
        tags=("line",),
        makers=("Bandtechnik Nord",),
    ),
    Kind(
        "packer", "Packer", "controller", "Packing",
        (
            Signal("temperature", 23, 29, 37, noise=0.2, lag=200),
            Signal("power", 140, 1_300, 3_900, noise=70, lag=2, digits=0),
            # The supply stays on when the machine rests.
            Signal("pressure", 6.1, 6.0, 5.9, noise=0.02, lag=4, digits=2),
        ),
        {"pressure": Limits(5.0, 5.4, 6.8, 7.2, hysteresis=0.1)},
        (PRESSURE_LEAK,),
        makes=Making(5, RUNNING),
        firmware=("2.2.0", "2.1.1"),
        tags=("pneumatic", "line"),
        makers=("Kartonix",),
    ),
    Kind(
        "compressor", "Compressor", "controller", "Utilities",
        (
            Signal("temperature", 30, 71, 84, noise=0.3, lag=180),
            Signal("pressure", 7.3, 7.4, 7.1, noise=0.03, lag=6, digits=2),
            _vibration(idle=1.6, full=2.7),
            Signal("power", 900, 11_000, 29_500, noise=300, lag=3, digits=0),
            Signal("rpm", 0, 1_480, 2_950, noise=8, lag=4, digits=0),
        ),
        {
            "temperature": Limits(warning_max=97, max_value=105, hysteresis=2),
            "pressure": Limits(6.0, 6.4, 8.2, 8.6, hysteresis=0.15),
            "vibration": VIBRATION,
        },
        (PRESSURE_LEAK, OVERHEATING, BEARING_WEAR),
        pauses=False,
        counts_energy=True,
        firmware=("5.4.2", "5.4.1", "5.3.0"),
        tags=("critical", "air"),
        makers=("Luftwerk",),
    ),
    Kind(
        "pump", "Cooling pump", "actuator", "Utilities",
        (
            Signal("temperature", 22, 36, 45, noise=0.2, lag=200),
            Signal("pressure", 3.1, 3.2, 3.4, noise=0.02, lag=4, digits=2),
            _vibration(idle=1.1, full=1.9),
            Signal("power", 90, 2_400, 5_300, noise=60, lag=2, digits=0),
        ),
        {
            "pressure": Limits(2.2, 2.6, 4.2, 4.6, hysteresis=0.1),
            "vibration": VIBRATION,
        },
        (PRESSURE_LEAK, BEARING_WEAR),
        pauses=False,
        counts_energy=True,
        firmware=("1.9.2", "1.9.0"),
        tags=("water",),
        makers=("Aquaflux",),
    ),
    Kind(
        "chiller", "Chiller", "controller", "Utilities",
        (
            Signal("temperature", 7.5, 6.4, 7.4, noise=0.06, lag=120, digits=2),
            Signal("power", 400, 9_500, 24_000, noise=250, lag=4, digits=0),
        ),
        {"temperature": Limits(2, 3.5, 10, 12, hysteresis=0.4)},
        (OVERHEATING,),
        pauses=False,
        counts_energy=True,
        firmware=("3.0.1",),
        tags=("water", "critical"),
        makers=("Aquaflux",),
    ),
    Kind(
        "climate", "Climate sensor", "sensor", "Hall",
        (
            Signal("temperature", 21, 21.5, 23.5, noise=0.05, lag=600),
            Signal("humidity", 46, 47, 51, noise=0.2, lag=400),
        ),
        {
            "temperature": Limits(14, 16, 27, 30, hysteresis=0.5),
            "humidity": Limits(20, 28, 62, 72, hysteresis=2),
        },
        (DOOR_OPEN,),
        pauses=False,
        firmware=("1.2.4", "1.2.3"),
        tags=("climate",),
        makers=("Sensotec",),
    ),
    Kind(
        "meter", "Power meter", "sensor", "Utilities",
        (Signal("power", 38_000, 90_000, 385_000, noise=2_500, lag=8, digits=0),),
        {"power": Limits(warning_max=480_000, max_value=540_000, hysteresis=8_000)},
        pauses=False,
        counts_energy=True,
        shares=(1.0, 1.0),
        sway=0.5,
        firmware=("2.0.0",),
        tags=("energy",),
        makers=("Sensotec",),
    ),
    Kind(
        "gateway", "Gateway", "gateway", "Hall",
        (
            Signal("temperature", 30, 33, 38, noise=0.1, lag=300),
            Signal("power", 9, 11, 16, noise=0.3, digits=1),
        ),
        {"temperature": Limits(warning_max=55, max_value=65, hysteresis=2)},
        pauses=False,
        firmware=("8.1.0", "8.0.5"),
        tags=("network",),
        makers=("Brückner Netz",),
    ),
)  # fmt: skip
BY_KEY: Mapping[str, Kind] = MappingProxyType({kind.key: kind for kind in ALL})
