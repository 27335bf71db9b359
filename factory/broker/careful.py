"""amqtt as a broker that keeps its word.

As it comes (0.12.1) it drops a QoS 1 message that is not acknowledged within 5 s or when its receiver's
connection ends, sends every retained message to whoever connects, judges no wills, and loses what is published
while somebody subscribes. So delivery and rights are ours here; packets, sessions and subscriptions are its own.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from amqtt.adapters import ReaderAdapter, WriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import Action, BrokerConfig, ListenerConfig, ListenerType
from amqtt.errors import ProtocolHandlerError
from amqtt.mqtt.constants import QOS_0, QOS_1, QOS_2
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.mqtt.puback import PubackPacket
from amqtt.mqtt.publish import PublishPacket
from amqtt.session import OutgoingApplicationMessage, Session
from paho.mqtt.matcher import MQTTMatcher

from factory.broker.incoming import Incoming

logger = logging.getLogger(__name__)
LISTENER = "default"
UNACKNOWLEDGED = 1000  # QoS 1 messages on their way to one client; the others wait their turn
WAITING = 100_000  # messages kept for one client; more are dropped
REFUSED = 0x80  # what a SUBACK says

May = Callable[[str, str, str], bool]


class CarefulBroker(Broker):
    """`may(username, "publish" | "subscribe", topic)` decides; who connects has been identified already."""

    def __init__(self, may: May) -> None:
        outside = ListenerConfig(type=ListenerType.EXTERNAL)
        super().__init__(BrokerConfig(listeners={LISTENER: outside}, plugins={}))
        self._may = may
        self._receivers = MQTTMatcher()  # filter -> its list in _subscriptions

    # Who comes in

    async def _authenticate(self, session: Session, listener: ListenerConfig) -> bool:
        return True  # the door has asked for the token

    async def _initialize_client_session(
        self, reader: ReaderAdapter, writer: WriterAdapter, remote_address: str, remote_port: int
    ) -> tuple[BrokerProtocolHandler, Session]:
        _, session = await super()._initialize_client_session(reader, writer, remote_address, remote_port)
        if isinstance(reader, Incoming):
            # The one thing that a session which is there already does not take over.
            session.will_retain = reader.connect.will_retain_flag
        return CarefulHandler(self), session

    async def forget_clean_session(self, client_id: str) -> None:
        """It ends with its connection; by itself amqtt notices up to a second later, when the next one may have it."""
        session, _ = self._sessions.get(client_id, (None, None))
        if session is not None and session.clean_session:
            await self._cleanup_session(client_id)

    # What comes in

    async def receive(self, session: Session, packet: PublishPacket) -> None:
        """A message of a client: to whom it concerns, or nowhere if it may not say this."""
        topic, data = packet.topic_name, packet.data
        if topic is None or data is None:
            return
        if not self._may(session.username or "", Action.PUBLISH, topic):
            logger.debug("mqtt.publish_refused", extra={"client": session.client_id, "topic": topic[:200]})
            return
        await self._broadcast_message(session, topic, data, packet.qos)
        if packet.retain_flag:
            await self.retain_message(session, topic, data, packet.qos)

    async def _topic_filtering(self, session: Session, topic: str, action: Action) -> bool:
        kind = Action.PUBLISH if action == Action.PUBLISH else Action.SUBSCRIBE
        return self._may(session.username or "", kind, topic)

    async def add_subscription(self, subscription: tuple[str, int], session: Session) -> int:
        topic_filter, qos = subscription
        already = self._subscriptions.get(topic_filter, [])
        already[:] = [each for each in already if each[0].client_id != session.client_id]
        granted = await super().add_subscription((topic_filter, min(qos, QOS_1)), session)
        if granted != REFUSED:
            self._receivers[topic_filter] = self._subscriptions[topic_filter]
        return granted

    def _del_subscription(self, a_filter: str, session: Session) -> int:
        deleted = super()._del_subscription(a_filter, session)
        if not self._subscriptions.get(a_filter):
            with suppress(KeyError):
                del self._receivers[a_filter]
        return deleted

    # What goes out

    async def _broadcast_loop(self) -> None:
        """Nothing is left to it."""

    async def _broadcast_message(
        self,
        session: Session | None,
        topic: str | None,
        data: bytes | bytearray | None,
        force_qos: int | None = None,
    ) -> None:
        """Hand a message to everybody who has subscribed to it, without waiting for any of them."""
        receivers: dict[str, tuple[Session, int]] = {}
        for subscriptions in self._receivers.iter_match(topic):
            for receiver, qos in subscriptions:
                known = receivers.get(receiver.client_id or "")
                if known is None or known[1] < qos:
                    receivers[receiver.client_id or ""] = (receiver, qos)
        for receiver, qos in receivers.values():
            if self._may(receiver.username or "", Action.SUBSCRIBE, topic or ""):
                self._hand_over(receiver, topic or "", data or b"", min(qos, force_qos or 0), retain=False)

    def _hand_over(
        self, receiver: Session, topic: str, data: bytes | bytearray, qos: int, *, retain: bool
    ) -> None:
        connected = receiver.transitions.state == "connected"
        if not connected and (receiver.clean_session or qos == QOS_0):
            return
        if receiver.retained_messages.qsize() >= WAITING:
            logger.error("mqtt.queue_full", extra={"client": receiver.client_id, "topic": topic})
            return
        receiver.retained_messages.put_nowait(OutgoingApplicationMessage(None, topic, qos, data, retain))
        handler = self._get_handler(receiver)
        if connected and isinstance(handler, CarefulHandler):
            handler.send_waiting()

    async def _publish_session_retained_messages(self, session: Session) -> None:
        """What has come while a client was away: its handler sends that by itself."""

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        topic_filter, qos = subscription
        if all(
            receiver.client_id != session.client_id
            for receiver, _ in self._subscriptions.get(topic_filter, [])
        ):
            return  # somebody else's subscription
        for topic, kept in self._retained_messages.items():
            if self._matches(topic, topic_filter) and self._may(
                session.username or "", Action.SUBSCRIBE, topic
            ):
                self._hand_over(session, topic, kept.data, min(qos, kept.qos or 0), retain=True)


class CarefulHandler(BrokerProtocolHandler):
    """One connection. A message of QoS 1 stays in the session until it is acknowledged, over connections."""

    def __init__(self, broker: CarefulBroker) -> None:
        super().__init__(broker.plugins_manager)
        self._broker = broker
        self._sending: asyncio.Task[None] | None = None
        self._again: deque[OutgoingApplicationMessage] = deque()  # sent on an earlier connection

    async def handle_publish(self, publish_packet: PublishPacket) -> None:
        if publish_packet.qos == QOS_2:
            await super().handle_publish(publish_packet)
            return
        if self.session is not None:
            await self._broker.receive(self.session, publish_packet)
        if publish_packet.qos == QOS_1:
            await self._send_packet(PubackPacket.build(publish_packet.packet_id))

    def attach(self, session: Session, reader: ReaderAdapter, writer: WriterAdapter) -> None:
        super().attach(session, reader, writer)
        self._again = deque(session.inflight_out.values())

    async def _retry_deliveries(self) -> None:
        self.send_waiting()

    def send_waiting(self) -> None:
        """See to it that what waits is sent, in its order, as far as acknowledgements allow."""
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_what_may_go())

    async def _send_what_may_go(self) -> None:
        try:
            while (packet := self._next_packet()) is not None:
                await self._send_packet(packet)
        except (ProtocolHandlerError, OSError):
            pass  # the connection is over; the next one sends it

    def _next_packet(self) -> PublishPacket | None:
        session = self.session
        if session is None or self.writer is None or getattr(self.writer, "is_closed", False):
            return None
        if self._again:
            return self._again.popleft().build_publish_packet(dup=True)
        if session.retained_messages.empty() or len(session.inflight_out) >= UNACKNOWLEDGED:
            return None  # an acknowledgement calls again
        message = session.retained_messages.get_nowait()
        if message.qos:
            message.packet_id = session.next_packet_id
            session.inflight_out[message.packet_id] = cast(OutgoingApplicationMessage, message)
        return message.build_publish_packet()

    async def handle_puback(self, puback: PubackPacket) -> None:
        if self.session is not None and puback.variable_header is not None:
            self.session.inflight_out.pop(puback.variable_header.packet_id, None)
            self.send_waiting()

    async def stop(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
        await super().stop()
