#!/bin/sh
# Mosquitto, which is told to read its password and rights files again within a second of their change: `credentials`
# keeps them in step from another container, from where it cannot send a signal.
mosquitto -c /mosquitto/config/mosquitto.conf &
broker=$!
trap 'kill -TERM $broker' TERM INT
state() { cksum /etc/mosquitto/factory/passwd /etc/mosquitto/factory/acl 2>&1; }
known=$(state)
while kill -0 $broker 2>/dev/null; do
    sleep 1
    now=$(state)
    [ "$now" = "$known" ] || { known=$now && kill -HUP $broker; }
done
wait $broker
