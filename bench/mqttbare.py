"""What the ingest is compared with: paho alone, subscribed at QoS 1, parses every message and keeps nothing.

`python -m bench.mqttbare PORT ROOT`. It answers the last message only, so that whoever measures knows the end.
"""

import sys
from typing import Any

import orjson
from paho.mqtt import client as paho


def take(client: paho.Client, root: str, message: paho.MQTTMessage) -> None:
    ref = orjson.loads(message.payload).get("ref")
    if ref == "last":
        client.publish(f"{message.topic}/ack", b"{}", qos=1)


def main(port: int, root: str) -> None:
    def subscribe(*_: Any) -> None:
        client.subscribe(f"{root}/+/readings", 1)

    client = paho.Client(
        paho.CallbackAPIVersion.VERSION2, client_id=root, clean_session=False, protocol=paho.MQTTv311
    )
    client.on_connect, client.on_message = subscribe, take
    client.connect("127.0.0.1", port)
    client.loop_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
