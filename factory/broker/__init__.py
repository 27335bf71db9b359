"""The embedded MQTT broker, and what any Mosquitto has to be told about devices."""
