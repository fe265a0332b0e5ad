"""A broker of MQTT: messages in, and their acknowledgements out once the caller says so.

Rules that hold here:

1. Nothing is published: a device behind a broker is only read.
2. A message of QoS 1 is acknowledged by `acknowledge` alone, so by whoever has made it durable.
3. The session outlives the connection (clean start is off, and it expires after a week): the broker keeps
   what was not acknowledged, and what came meanwhile.
4. User name and password come from a file or the environment, and stand in no message.

Source: MQTT 5.0 and 3.1.1 (OASIS): 4.3.2 and 4.4 for QoS 1 and what is sent again, 3.1.2.11 for the expiry
of a session and for the receive maximum; paho-mqtt 2 for the client.
"""

import contextlib
import os
import selectors
import ssl
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self

from ingest.errors import TransportFailed
from ingest.records import Message
from ingest.transports.address import Address

SESSION_EXPIRY_S: Final = 7 * 86_400
# Messages that the broker may send before the first of them is acknowledged.
WINDOW: Final = 4_000
USER_VARIABLE: Final = "CELLPASS_MQTT_USER"
PASSWORD_VARIABLE: Final = "CELLPASS_MQTT_PASSWORD"  # noqa: S105 - the name of a variable
_ANSWER_S: Final = 10.0
_KEEP_ALIVE_S: Final = 60
_LARGEST_PACKET: Final = 1 << 21
_ONE_NAME: Final = (
    "where two gateways or two data folders have one source name, choose another with ?client=NAME"
)
# Answers to a connection, of MQTT 5 and 3.1.1, that a person can do something about.
_REFUSALS: Final = {
    "Bad user name or password": "the broker refuses this user name or password",
    "Not authorized": "the broker does not let this client in; it may want a user name and password",
    "Client identifier not valid": "the broker refuses the client's name; choose another with ?client=NAME",
    "Unsupported protocol version": "the broker does not speak this version; try ?version=3.1.1",
    "Banned": "the broker has banned this client",
    "Server unavailable": "the broker is there and not available",
}


def client_name(source: str) -> str:
    """The name under which the broker keeps the session of a source: the same at every start."""
    return f"cellpass{sha256(source.encode()).hexdigest()[:14]}"


class _Tidy(ssl.SSLSocket):
    """A socket that is closed when its peer is not who it should be; paho would leave it open."""

    def do_handshake(self, block: bool = False) -> None:
        """See `ssl.SSLSocket`."""
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


class MqttFeed:
    """An open session with a broker.

    Attributes:
        address: the broker's.
        resumed: True when the broker had kept the session.
    """

    def __init__(self, address: Address, source: str) -> None:
        """Connect and subscribe.

        Raises:
            TransportFailed: nobody listens there, or the broker refuses; the sentence says what to check.
        """
        self.address = str(address)
        self.resumed = False
        self._topic = address.topic
        self._messages: list[Message] = []
        self._ended: str | None = None
        self._answer: Any = None
        self._client = self._made(address, source)
        try:
            self._connect(address)
            self._subscribe(address)
        except BaseException:
            self.close()
            raise

    def receive(self, timeout_s: float, most: int) -> list[Message]:
        """Messages that have arrived, in order; empty when none came within `timeout_s`.

        Raises:
            TransportFailed: the broker is gone.
        """
        until = time.monotonic() + timeout_s
        while True:
            self._read(most)
            left = until - time.monotonic()
            if self._messages or left <= 0:
                break
            self._wait(left)
        found, self._messages = self._messages[:most], self._messages[most:]
        if not found and self._ended is not None:
            raise TransportFailed(f"{self.address}: {self._ended}")
        return found

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tell the broker, in the order of their arrival, that it may forget these."""
        for message in messages:
            if message.number:
                self._client.ack(message.number, 1)

    def close(self) -> None:
        """Leave; the broker keeps the session."""
        with contextlib.suppress(OSError, ValueError):
            self._client.disconnect()

    def __enter__(self) -> Self:
        """The feed itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close."""
        self.close()

    # ------------------------------------------------------------------------------------- connecting

    def _made(self, address: Address, source: str) -> Any:
        try:
            from paho.mqtt import client as paho
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError as error:
            raise TransportFailed(
                f"{self.address}: paho-mqtt is not installed; install the extra `mqtt`"
            ) from error
        options = dict(address.options)
        old = options.get("version") == "3.1.1"
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=options.get("client") or client_name(source),
            protocol=paho.MQTTv311 if old else paho.MQTTv5,
            clean_session=False if old else None,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = 5.0
        user, password = self._login(options.get("login"))
        if user is not None:
            client.username_pw_set(user, password)
        if address.scheme == "mqtts":
            client.tls_set_context(self._tls(options))
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _login(self, path: str | None) -> tuple[str | None, str | None]:
        if path is None:
            return os.environ.get(USER_VARIABLE), os.environ.get(PASSWORD_VARIABLE)
        try:
            lines = Path(path).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise TransportFailed(f"{self.address}: {path} cannot be read: {error}") from None
        if not 1 <= len(lines) <= 2 or not lines[0]:
            raise TransportFailed(
                f"{self.address}: {path}: expected the user name on the first line and the password on the "
                f"second, came {len(lines)} lines"
            )
        return lines[0], lines[1] if len(lines) > 1 else None

    def _tls(self, options: dict[str, str]) -> ssl.SSLContext:
        """Certificates are checked, by the machine's authorities or by those of one file."""
        try:
            context = ssl.create_default_context(cafile=options.get("ca"))
            if "certificate" in options:
                context.load_cert_chain(options["certificate"], options.get("key"))
        except (OSError, ssl.SSLError) as error:
            raise TransportFailed(f"{self.address}: a certificate or key cannot be read: {error}") from None
        context.sslsocket_class = _Tidy
        return context

    def _connect(self, address: Address) -> None:
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        told: dict[str, Any] = {}
        if dict(address.options).get("version") != "3.1.1":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_EXPIRY_S
            properties.ReceiveMaximum = WINDOW
            properties.MaximumPacketSize = _LARGEST_PACKET
            told = {"clean_start": False, "properties": properties}
        try:
            self._client.connect(address.place, address.number, _KEEP_ALIVE_S, **told)
        except (OSError, ValueError) as error:
            raise TransportFailed(f"{self.address}: {_why_not(error)}") from None
        flags, reason = self._answered("the connection")
        if reason.is_failure:
            why = _REFUSALS.get(str(reason), f"the broker refuses the connection: {reason}")
            raise TransportFailed(f"{self.address}: {why}")
        self.resumed = bool(flags.session_present)

    def _subscribe(self, address: Address) -> None:
        """Ask for the messages; those that the broker kept come only with a new subscription."""
        from paho.mqtt.subscribeoptions import SubscribeOptions

        self._answer = None
        if dict(address.options).get("version") == "3.1.1":
            self._client.subscribe(address.topic, qos=1)
        else:
            kept = SubscribeOptions.RETAIN_SEND_IF_NEW_SUB
            self._client.subscribe(
                address.topic, options=SubscribeOptions(qos=1, retainAsPublished=False, retainHandling=kept)
            )
        _, reason = self._answered("the subscription")
        if reason.is_failure:
            raise TransportFailed(
                f"{self.address}: the broker does not let this client read {address.topic}: {reason}"
            )

    def _answered(self, what: str) -> tuple[Any, Any]:
        """The broker's answer to what was asked."""
        until = time.monotonic() + _ANSWER_S
        while self._answer is None and self._ended is None and (left := until - time.monotonic()) > 0:
            self._wait(left)
            # A session that goes on begins with what was kept, and the answer stands behind it.
            self._read(len(self._messages) + WINDOW)
        if self._answer is None:
            why = self._ended or f"the broker does not answer {what} within {_ANSWER_S:g} s; is it one?"
            raise TransportFailed(f"{self.address}: {why}")
        answer: tuple[Any, Any] = self._answer
        return answer

    # ------------------------------------------------------------------------------------- the socket

    def _wait(self, seconds: float) -> None:
        """Until something can be read, or the time is over."""
        socket = self._client.socket()
        if socket is None:
            return
        pending = getattr(socket, "pending", None)
        if pending is None or not pending():
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._client.want_write() else 0)
            try:
                with selectors.DefaultSelector() as selector:
                    selector.register(socket, wanted)
                    ready = selector.select(min(seconds, 1.0))
            except (OSError, ValueError):
                self._ended = self._ended or "the connection broke"
                return
            if any(events & selectors.EVENT_WRITE for _, events in ready):
                self._client.loop_write()
        self._client.loop_misc()

    def _read(self, most: int) -> None:
        """Take what has arrived: packet by packet, until two reads in a row bring no message."""
        idle = 0
        while idle < 2 and len(self._messages) < most and self._client.socket() is not None:
            before = len(self._messages)
            self._client.loop_read()
            idle = 0 if len(self._messages) > before else idle + 1
        if self._client.socket() is None:
            self._ended = self._ended or "the connection broke"

    # ------------------------------------------------------------------------------------- paho's calls

    def _on_connect(self, _c: Any, _u: Any, flags: Any, reason: Any, _p: Any) -> None:
        self._answer = (flags, reason)

    def _on_subscribe(self, _c: Any, _u: Any, _mid: int, reasons: Any, _p: Any) -> None:
        self._answer = (None, reasons[0])

    def _on_disconnect(self, _c: Any, _u: Any, flags: Any, reason: Any, _p: Any) -> None:
        if str(reason) == "Session taken over":
            self._ended = f"another client has taken the session over; {_ONE_NAME}"
        elif not flags.is_disconnect_packet_from_server:
            # Some brokers close without a word when another client comes under the same name.
            self._ended = self._ended or f"the connection broke; was the broker stopped? Or else: {_ONE_NAME}"
        else:
            self._ended = self._ended or f"the broker ended the connection: {reason}"

    def _on_message(self, _c: Any, _u: Any, message: Any) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "\N{REPLACEMENT CHARACTER}"
        self._messages.append(
            Message(topic, message.payload, message.retain, message.dup, message.mid if message.qos else 0)
        )


def _why_not(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the broker's certificate is not trusted: {error.verify_message}; name its authority: ?ca=FILE"
        )
    if isinstance(error, ssl.SSLError):
        return f"no TLS with the broker: {error.reason or error}; is it the port for mqtts:?"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens on this port; is the broker running?"
    if isinstance(error, TimeoutError):
        return "no connection within 5 s; check the address and firewalls on the way"
    if "Name or service not known" in str(error) or "getaddrinfo" in str(error):
        return "the host name is not known here"
    return f"cannot connect: {error}"
