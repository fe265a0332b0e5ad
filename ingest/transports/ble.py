"""A BMS over Bluetooth, read by aiobmsble: a sample at a time, written down as one line of JSON.

Rules that hold here:

1. The library's figures are asked for as they came from the device (`raw`), without what it works out.
2. A name must be one device's alone; two that bear it are refused, as their rows would mix.
3. Which decoder fits is the library's judgement of the advertisement, unless the address says `?type=`.
4. What is asked of the device is the library's choice: there is no list of reads of ours that guards it.

The library speaks asyncio; its loop runs in a thread of its own.
"""

import asyncio
import contextlib
import importlib
import json
import math
import sys
import threading
from collections.abc import Coroutine, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ingest.errors import TransportFailed
from ingest.transports.base import Answer, FetchLine

if TYPE_CHECKING:
    from aiobmsble.basebms import BaseBMS
    from bleak.backends.device import BLEDevice

_T = TypeVar("_T")

SCAN_S: Final = 12.0
# Connecting, with the library's own attempts, may take most of a minute.
ANSWER_S: Final = 90.0
_END_S: Final = 10.0
# A system looks for one device at a time.
_SCANNING: Final = threading.Lock()
_PYTHON: Final[tuple[int, ...]] = sys.version_info[:2]


class BleLine(FetchLine):
    """One device that is found, connected and asked again and again; see the module."""

    def __init__(self, place: str, *, scan_s: float = SCAN_S, answer_s: float = ANSWER_S) -> None:
        """Find the device.

        Args:
            place: its address or name, with `?type=MODULE` to choose the decoder.
            scan_s: how long to look for it.
            answer_s: how long an answer may take, the connection included.

        Raises:
            TransportFailed: the library is not here, there is no radio, or no such device is in reach.
        """
        self.address = f"ble:{place}"
        _library(self.address)
        self._answer_s = answer_s
        self._info: dict[str, Any] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=self.address, daemon=True)
        self._thread.start()
        wanted, _, kind = place.partition("?type=")
        self._bms: BaseBMS | None = None
        try:
            with _SCANNING:
                self._bms = self._done(self._find(wanted, kind, scan_s), 2 * scan_s + _END_S)
        except BaseException:
            self.close()
            raise

    def fetch(self, known: str | None) -> Answer:
        """See `FetchLine`; a device always answers anew."""
        del known
        document = self._done(self._sample(), self._answer_s)
        return Answer(json.dumps(document).encode() + b"\n")

    def close(self) -> None:
        """Give the connection back."""
        if self._loop.is_closed():
            return
        if self._bms is not None:
            with contextlib.suppress(TransportFailed):
                self._done(self._bms.disconnect(), _END_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_END_S)
        if not self._thread.is_alive():
            self._loop.close()

    def _done(self, work: "Coroutine[Any, Any, _T]", longest_s: float) -> _T:
        """What the work in the other thread comes to.

        Raises:
            TransportFailed: it failed, or did not end in time.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(longest_s)
        except TransportFailed:
            raise
        except TimeoutError as error:
            future.cancel()
            raise TransportFailed(
                f"{self.address}: no answer in time; is it in reach, awake, and not in use by another?"
            ) from error
        except Exception as error:
            # Radio, system and each decoder of the library have errors of their own.
            text = str(error) or type(error).__name__
            raise TransportFailed(
                f"{self.address}: {text[:200]}; is Bluetooth on, and the device free?"
            ) from error

    async def _find(self, wanted: str, kind: str, scan_s: float) -> "BaseBMS":
        """The library's object for the device."""
        from aiobmsble.utils import bms_cls, bms_identify
        from bleak import BleakScanner

        chosen = None
        if kind and (chosen := await bms_cls(kind)) is None:
            raise TransportFailed(
                f"{self.address}: the library has no decoder {kind!r}; expected one like jbd_bms"
            )
        heard: asyncio.Queue[tuple[BLEDevice, Any]] = asyncio.Queue()
        by_name, seen = ":" not in wanted, dict[str, tuple[Any, Any]]()
        async with BleakScanner(lambda device, said: heard.put_nowait((device, said))):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(scan_s):
                    while True:
                        device, said = await heard.get()
                        if not _is_it(device, said, wanted):
                            continue
                        found = chosen or await bms_identify(said, device.address)
                        before = seen.get(device.address)
                        seen[device.address] = (device, found or (before and before[1]))
                        # A name may be another one's too, so the whole time is listened for it.
                        if found is not None and not by_name:
                            break
        if len(seen) > 1:
            raise TransportFailed(
                f"{self.address}: {len(seen)} bear this name; give an address: {', '.join(sorted(seen))}"
            )
        if not seen:
            raise TransportFailed(f"{self.address}: not heard within {scan_s:g} s; is it in reach and awake?")
        ((device, found),) = seen.values()
        if found is None:
            raise TransportFailed(
                f"{self.address}: heard, but no decoder of the library knows it; if you do, say so as in "
                "?type=jbd_bms"
            )
        made: BaseBMS = found(device)
        return made

    async def _sample(self) -> Mapping[str, Any]:
        """One sample, and once after connecting who the device is."""
        assert self._bms is not None
        sample = await self._bms.async_update(raw=True)
        if self._info is None:
            self._info = await self._who()
        module = type(self._bms).__module__.rpartition(".")[2]
        return {
            "library": _library(self.address),
            "type": module,
            "info": self._info,
            "sample": _plain(sample),
        }

    async def _who(self) -> dict[str, Any]:
        """What the BMS says of itself; the standard record is the radio module's, and left out."""
        from aiobmsble.basebms import BaseBMS

        assert self._bms is not None
        if type(self._bms)._fetch_device_info is BaseBMS._fetch_device_info:  # noqa: SLF001 - nothing else tells
            return {}
        try:
            said = await self._bms.device_info()
        except Exception:  # noqa: BLE001 - the sample is worth having without it
            return {}
        return {key: text for key, text in said.items() if isinstance(text, str)}


def _is_it(device: Any, said: Any, wanted: str) -> bool:
    if ":" in wanted:
        return bool(device.address.upper() == wanted.upper())
    return wanted in (said.local_name, device.name)


def _plain(value: Any) -> Any:
    """The value as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "value") and isinstance(getattr(value, "type", None), Enum):  # a sensor
        return {"value": _plain(value.value), "type": value.type.name}
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, bool | int | str) else None


def _library(address: str) -> str:
    """Name and version of the library.

    Raises:
        TransportFailed: it is not here; the sentence says what is needed.
    """
    if _PYTHON < (3, 12):
        here = ".".join(str(part) for part in _PYTHON)
        raise TransportFailed(
            f"{address}: Bluetooth needs Python 3.12 or later and the extra: pip install 'cellpass[ble]'; "
            f"this is Python {here}"
        )
    try:
        library = importlib.import_module("aiobmsble")
    except ImportError as error:
        raise TransportFailed(f"{address}: Bluetooth needs the extra: pip install 'cellpass[ble]'") from error
    return f"aiobmsble {library.__version__}"
