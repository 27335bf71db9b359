"""Runs child processes until told to stop: says what they say, starts anew what crashed, leaves nothing behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import IO

from factory import processes
from factory.roles import SOURCES, STORES, Role

# Seconds after the wish to stop. All is gone within ten.
SOURCES_KILLED = 0.5
HURRIED = 7.5
SERVERS_KILLED = 8.9
STORES_KILLED = 9.6
BACKOFF = (1.0, 2.0, 5.0, 10.0, 30.0)
STEADY = 60.0  # who ran this long has not crashed again but anew


class StopAsked(Exception):
    """Somebody sent SIGINT, SIGTERM or SIGHUP."""


@dataclass
class Child:
    """A role and the process that plays it now."""

    role: Role
    process: subprocess.Popen[bytes]
    started: float
    crashes: int = 0
    again_at: float | None = None
    reader: threading.Thread = field(default_factory=threading.Thread)

    @property
    def runs(self) -> bool:
        return self.process.poll() is None


class Supervisor:
    def __init__(self) -> None:
        self.children: list[Child] = []
        self.stop_asked = threading.Event()
        self.kill_asked = False
        self.interruptible = False
        self._speaking = threading.Lock()

    # Being told

    def listen_to_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: object) -> None:
        if self.stop_asked.is_set():
            self.kill_asked = True
            return
        self.stop_asked.set()
        if self.interruptible:
            raise StopAsked

    def interrupted(self, work: Callable[[], None]) -> None:
        """Do something in this process that a wish to stop may break off."""
        self.interruptible = True
        try:
            if self.stop_asked.is_set():
                raise StopAsked
            work()
        finally:
            self.interruptible = False

    # Saying

    def say(self, line: str, name: str = "factory") -> None:
        with self._speaking:
            try:
                sys.stdout.write(f"{name:<8}| {line}\n")
                sys.stdout.flush()
            except (OSError, ValueError):
                pass  # the terminal is gone; the work is not

    def announce(self, line: str) -> None:
        """A line for people and scripts, without a prefix."""
        with self._speaking:
            try:
                sys.stdout.write(line + "\n")
                sys.stdout.flush()
            except (OSError, ValueError):
                pass

    def _repeat(self, role: Role, output: IO[bytes]) -> None:
        with output:
            for raw in output:
                line = raw.decode(errors="replace").rstrip()
                if line and not any(words in line for words in role.unsaid):
                    self.say(line, role.name)

    # Running

    def start(self, roles: Iterable[Role]) -> None:
        for role in roles:
            child = Child(role, self._spawn(role), time.monotonic())
            self._read(child)
            self.children.append(child)

    def _spawn(self, role: Role) -> subprocess.Popen[bytes]:
        return processes.start(
            role.argv, env=role_environment(role), output=subprocess.PIPE, pass_fds=role.pass_fds
        )

    def _read(self, child: Child) -> None:
        child.reader = threading.Thread(
            target=self._repeat, args=(child.role, child.process.stdout), daemon=True
        )
        child.reader.start()

    def look_after(self) -> None:
        """One round: note who crashed, start again whose time has come."""
        now = time.monotonic()
        for child in self.children:
            if child.runs or self.stop_asked.is_set():
                continue
            if child.again_at is None:
                if now - child.started > STEADY:
                    child.crashes = 0
                wait = BACKOFF[min(child.crashes, len(BACKOFF) - 1)]
                child.crashes += 1
                child.again_at = now + wait
                self.say(f"{child.role.name} {ending(child.process.returncode)}; again in {wait:.0f} s")
            elif now >= child.again_at:
                child.process = self._spawn(child.role)
                child.started, child.again_at = now, None
                self._read(child)

    def run(self, until: Callable[[], bool] = lambda: False, *, seconds: float | None = None) -> bool:
        """Look after the children until something holds, time is up or a stop is asked. Says whether it holds."""
        end = None if seconds is None else time.monotonic() + seconds
        while not self.stop_asked.is_set():
            if until():
                return True
            if end is not None and time.monotonic() > end:
                return False
            self.look_after()
            self.stop_asked.wait(0.2)
        return False

    # Stopping

    def stop(self) -> None:
        """End everybody in order: who feeds, who serves, who stores."""
        self.stop_asked.set()
        began = time.monotonic()
        sources = [child for child in self.children if child.role.tier == SOURCES]
        servers = [child for child in self.children if STORES < child.role.tier < SOURCES]
        stores = [child for child in self.children if child.role.tier == STORES]
        self._end(sources, began + SOURCES_KILLED)
        self._end(servers, began + SERVERS_KILLED, hurry=began + HURRIED)
        self._end(stores, began + STORES_KILLED)
        for child in self.children:
            child.reader.join(0.5)  # its last words

    def _end(self, children: list[Child], killed: float, hurry: float | None = None) -> None:
        for child in children:
            processes.send(child.process, child.role.stop)
        while any(child.runs for child in children):
            now = time.monotonic()
            if self.kill_asked or now > killed:
                for child in children:
                    processes.send(child.process, signal.SIGKILL)
                for child in children:
                    child.process.wait()
            elif hurry is not None and now > hurry:
                hurry = None
                for child in children:
                    if child.role.hurry != child.role.stop:
                        processes.send(child.process, child.role.hurry)
            time.sleep(0.02)


def role_environment(role: Role) -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1", **role.env}


def ending(status: int) -> str:
    if status >= 0:
        return f"ended with exit code {status}"
    return f"was ended by {signal.Signals(-status).name}"
