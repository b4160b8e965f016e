"""A worker that needs no model. What is asked of it says what it does, word by word:

`die` ends the process, `die-once` does so unless the file named in SCRIPTED_WORKER_DIED is there, `hang` says nothing
more, `wait` goes on when something else is asked, `hold` once the file named in SCRIPTED_WORKER_GO is there, `fail`
fails the request; any other word is a piece of the answer. SCRIPTED_WORKER_LOG gets a line for each frame. With
SCRIPTED_WORKER_LOADS=no it cannot load; with `dies` it dies, with `never` it takes for ever.
"""

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from promptlathe.errors import InputError, ModelError
from promptlathe.server.backend import End, Load, Piece
from promptlathe.server.frames import (
    Cancel,
    Detokenize,
    NotLoaded,
    Open,
    Ready,
    Results,
    Submit,
    Text,
    Tokenize,
    Tokens,
    ToWorker,
    as_failed,
)
from promptlathe.server.worker import Channel, Disconnected


class ScriptedWorker:
    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.running: dict[int, Iterator[str]] = {}

    def run(self) -> None:
        while True:
            for frame in self.channel.receive(timeout_s=None):
                with Path(os.environ["SCRIPTED_WORKER_LOG"]).open("a") as log:
                    log.write(f"{frame.kind} {getattr(frame, 'id', '')}\n")
                self.take(frame)
                for number, words in list(self.running.items()):
                    self.go_on(number, words)

    def take(self, frame: ToWorker) -> None:
        match frame:
            case Open():
                self.load(frame)
            case Submit():
                self.running[frame.id] = iter(str(frame.asked.prompt).split())
            case Cancel():
                self.running.pop(frame.id, None)
            case Tokenize():
                self.channel.send(Tokens(frame.id, (1, 2)))
            case Detokenize():
                self.channel.send(Text(frame.id, "text"))

    def load(self, frame: Open) -> None:
        loads = os.environ.get("SCRIPTED_WORKER_LOADS")
        if loads == "no":
            self.channel.send(NotLoaded(as_failed(ModelError("cannot load it", hint="get another"))))
            sys.exit()
        if loads == "never":
            time.sleep(3600)
        if loads == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        self.channel.send(Ready(frame.model.context_length))

    def go_on(self, number: int, words: Iterator[str]) -> None:
        pieces = 0
        for word in words:
            died = Path(os.environ.get("SCRIPTED_WORKER_DIED", "/nowhere"))
            if word == "die" or (word == "die-once" and not died.exists()):
                died.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            elif word == "wait":
                return
            elif word == "hold":
                while not Path(os.environ["SCRIPTED_WORKER_GO"]).exists():
                    time.sleep(0.01)
            elif word == "hang":
                time.sleep(3600)
            elif word == "fail":
                failed = as_failed(InputError("it cannot be asked"))
                self.channel.send(Results(Load(), failures=[(number, failed)]))
                del self.running[number]
                return
            elif word != "die-once":
                pieces += 1
                self.channel.send(Results(Load(1, 0, 0.5), pieces=[(number, Piece(f"{word} "))]))
        self.channel.send(Results(Load(), ends=[(number, End("stop", 3, pieces, 1, 0.1))]))
        del self.running[number]


if __name__ == "__main__":
    with contextlib.suppress(Disconnected):
        ScriptedWorker(Channel(socket.socket(fileno=int(sys.argv[1])))).run()
